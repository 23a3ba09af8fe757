"""Images that show the same ground: reported, and drawn into one split."""

from folders import fill, label, photograph, save
import numpy as np
from PIL import Image
from surveys import finding, kinds, look

from magnet_jax.survey import alike


def test_folders_make_pictures_that_differ():
  # What the tests below rely on.
  one, other = photograph(0).astype(int), photograph(1)
  assert np.abs(one - other).mean() > 10


def test_copies_and_overlaps_across_splits(tmp_path):
  for split, first in {'train': 0, 'val': 5, 'test': 8}.items():
    fill(
      tmp_path,
      3,
      split + '/images/{}.png',
      split + '/labels/{}.png',
      first=first,
    )
  copy = photograph(1)
  smaller = Image.fromarray(copy).resize((120, 110))
  smaller.save(tmp_path / 'val/images/s5.png')
  save(tmp_path / 'val/labels/s5.png', label(5, (110, 120)))
  brighter = np.minimum(photograph(0)[:, ::-1] * 1.1, 255).astype(np.uint8)
  save(tmp_path / 'test/images/s8.png', brighter)
  world = photograph(77, (400, 600))
  rng = np.random.default_rng(0)
  for _ in range(150):
    row, column = rng.integers(10, 390), rng.integers(10, 590)
    world[row - 6 : row + 6, column - 6 : column + 6] = rng.integers(0, 256, 3)
  save(tmp_path / 'train/images/s2.png', world[:, :350])
  save(tmp_path / 'train/labels/s2.png', label(2, (400, 350)))
  save(tmp_path / 'val/images/s6.png', world[:, 200:])
  save(tmp_path / 'val/labels/s6.png', label(6, (400, 400)))
  found = look(tmp_path)
  copies = finding(found, 'near-duplicates across splits').files
  assert len(copies) == 2
  assert any('s1.png' in line and 's5.png' in line for line in copies)
  assert any('s0.png' in line and 's8.png' in line for line in copies)
  overlaps = finding(found, 'images that overlap across splits').files
  assert len(overlaps) == 1 and 's2.png' in overlaps[0]


def test_copies_are_drawn_into_one_split(tmp_path):
  fill(tmp_path, 8)
  for i in range(4):
    save(tmp_path / f'images/copy{i}.jpg', photograph(i))
    save(tmp_path / f'labels/copy{i}.png', label(i))
  for seed in range(3):
    found = look(tmp_path, seed=seed)
    split = dict(
      zip([k.pair.image.stem for k in found.looks], found.splits, strict=True)
    )
    assert all(split[f'copy{i}'] == split[f's{i}'] for i in range(4))
    assert kinds(found, 'warning', 'error') == set()


def test_a_chain_of_overlaps_is_cut_at_its_weakest():
  chain = [
    alike.Match(i, i + 1, 'overlap', 20 if i != 4 else 12) for i in range(9)
  ]
  assert alike.groups(10, chain) == [0] * 5 + [5] * 5
  copies = [alike.Match(0, 1, 'copy'), alike.Match(1, 3, 'copy')]
  assert alike.groups(4, copies) == [0, 0, 2, 0]
