"""Names and colours of classes from files of several kinds."""

import pytest

from magnet_jax.survey import naming
from magnet_jax.types import InputError


@pytest.mark.parametrize(
  ('name', 'text', 'names', 'coloured'),
  [
    ('c.txt', 'soil\n# no\nweed\n', ('soil', 'weed'), False),
    (
      'labelmap.txt',
      '# label:rgb:parts:actions\nsky:1,2,3::\nsea:4,5,6::',
      ('sky', 'sea'),
      True,
    ),
    ('d.csv', 'name,r,g,b\nsky,1,2,3\nsea,4,5,6\n', ('sky', 'sea'), True),
  ],
)
def test_names_of_classes(tmp_path, name, text, names, coloured):
  (tmp_path / name).write_text(text)
  given = naming.read(str(tmp_path / name))
  assert given.names == names and bool(given.table) == coloured
  if coloured:
    assert given.table.colours == ((1, 2, 3), (4, 5, 6))


def test_bad_names(tmp_path):
  assert naming.read('scenes').names[0] == 'meadow'
  (tmp_path / 'c.txt').write_text('a\na\n')
  with pytest.raises(InputError, match='all different'):
    naming.read(str(tmp_path / 'c.txt'))
  with pytest.raises(InputError, match='no such file'):
    naming.read(str(tmp_path / 'none.txt'))
