"""Lists of names, and the rule without them."""

import pytest

from magnet_jax.datasets import name_lists
from magnet_jax.types import InputError

NAMES = {'train': ('train.txt',), 'val': ('val.txt', 'crossvali.txt')}


def lists(folder, **texts):
  for name, text in texts.items():
    (folder / f'{name}.txt').write_text(text)
  return name_lists.from_lists(folder, ['a', 'b', 'c'], NAMES)


def test_no_list_is_none_and_lists_may_leave_images_out(tmp_path):
  assert lists(tmp_path) is None
  assert lists(tmp_path, train='a.jpg\n', val='c\n') == {
    'train': ['a'],
    'val': ['c'],
  }
  # As Windows writes them, and with its slashes.
  assert lists(tmp_path, train='\ufefftrain\\a.jpg\r\n', val='c\n') == {
    'train': ['a'],
    'val': ['c'],
  }


@pytest.mark.parametrize(
  ('texts', 'message'),
  [
    ({'train': 'a'}, r'no list for val; add val\.txt or crossvali\.txt'),
    (
      {'train': 'a', 'val': 'x'},
      r'names x, which is not an image.*such as a, b',
    ),
    ({'train': 'a\nb', 'val': 'b'}, r'names b, as train\.txt does'),
    ({'train': 'a\na', 'val': 'b'}, r'names a, as train\.txt does'),
  ],
)
def test_bad_name_lists(tmp_path, texts, message):
  with pytest.raises(InputError, match=message):
    lists(tmp_path, **texts)


def test_a_list_that_is_no_text(tmp_path):
  (tmp_path / 'train.txt').write_bytes(b'\xff\xfe\x00')
  with pytest.raises(InputError, match='text file'):
    lists(tmp_path, val='a')


def test_the_rule_is_fixed_and_whole():
  keys = [str(i) for i in range(803)]
  shares = {'train': 454, 'val': 207, 'test': 142}
  found = name_lists.by_shares(keys, shares)
  assert {split: len(each) for split, each in found.items()} == shares
  assert sorted(k for each in found.values() for k in each) == sorted(keys)
  assert found == name_lists.by_shares(keys[::-1], shares)
  assert found['test'][:4] == ['111', '116', '131', '132']
