"""What label files hold, against a slow reference."""

from folders import label, photograph, save
import numpy as np
from PIL import Image
import pytest

from magnet_jax.files import label_codes
from magnet_jax.survey import label_counts
from magnet_jax.types import InputError


def _solid(codes):
  """Codes of all squares of 3x3 pixels that are of one."""
  height, width = codes.shape
  squares = [
    np.unique(codes[top : top + 3, left : left + 3])
    for top in range(height - 2)
    for left in range(width - 2)
  ]
  return {int(square[0]) for square in squares if len(square) == 1}


@pytest.mark.parametrize('size', [(3, 3), (2, 9), (40, 7), (600, 11)])
@pytest.mark.parametrize('colours', [False, True])
def test_against_a_slow_count(tmp_path, size, colours):
  rng = np.random.default_rng(0)
  small = rng.integers(0, 4, (-(-size[0] // 3), -(-size[1] // 3)), np.uint8)
  index = np.kron(small, np.ones((3, 3), np.uint8))[: size[0], : size[1]]
  index = np.roll(index, 1, axis=0)
  palette = rng.integers(0, 256, (4, 3), np.uint8)
  pixels = palette[index] if colours else index * 60
  path = tmp_path / 'a.png'
  Image.fromarray(pixels).save(path)
  found = label_counts.count(path)
  codes = label_codes.pack(pixels)
  numbers, times = np.unique(codes, return_counts=True)
  assert sorted(found.pixels) == numbers.tolist()
  assert [found.pixels[code] for code in numbers.tolist()] == times.tolist()
  assert found.solid == _solid(codes)
  if not colours:
    grey = label_codes.pack(np.repeat(pixels[..., None], 3, axis=-1))
    assert found.as_colours().solid == _solid(grey)


def test_floating_point_labels_are_refused(tmp_path):
  Image.fromarray(np.zeros((4, 4), np.float32)).save(tmp_path / 'a.tif')
  with pytest.raises(InputError, match='floating-point'):
    label_counts.count(tmp_path / 'a.tif')


def test_files_look_like_labels_by_their_content(tmp_path):
  sharp = [save(tmp_path / f'l{i}.png', label(i)) for i in range(3)]
  photographs = [save(tmp_path / f'p{i}.png', photograph(i)) for i in range(3)]
  jpeg = save(tmp_path / 'l.jpg', label(0))  # of many greys
  broken = tmp_path / 'b.png'
  broken.write_bytes(b'')
  assert label_counts.look_like_labels([broken, *sharp])
  for files in (photographs, [*sharp[:2], photographs[0]], [jpeg], [broken]):
    assert not label_counts.look_like_labels(files)
