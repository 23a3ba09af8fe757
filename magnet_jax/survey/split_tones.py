"""Whether the images of val and test look like those of train."""

from collections.abc import Callable, Iterator, Mapping, Sequence
import functools
import pathlib

from magnet_jax.data import tones
from magnet_jax.data.reading import Reading
from magnet_jax.files import decoding
from magnet_jax.rasters.rasters import ArrayRaster, Raster
from magnet_jax.survey.findings import Finding, about, names


def findings(
  images: Mapping[str, Sequence[pathlib.Path]],
  how: Reading,
  base: pathlib.Path,
  done: Callable[[], None] = lambda: None,
) -> Iterator[Finding]:
  """Reports images that look unlike those of train.

  Args:
    images: files by split, 'train' among them.
    how: how images are read.
    base: folder that the files are named from.
    done: progress callback, called after each image.
  """
  seen = {
    split: tones.of_images(
      [functools.partial(_look, path, how, base) for path in paths], done
    )
    for split, paths in images.items()
  }
  trained, _ = seen['train']
  for split, (traits, files) in seen.items():
    unlike = tones.compare(trained, traits)
    if split == 'train' or unlike is None:
      continue
    yield from about(
      [files[index] for index in unlike.images],
      'image',
      f'tones of {split}',
      f'of {split} look unlike those of train: {", ".join(unlike.ways)}',
      f'move some images like these to train.txt; without them, {split} '
      'measures how the model does on images of another kind',
      level='warning',
    )


def _look(
  path: pathlib.Path, how: Reading, base: pathlib.Path
) -> tuple[str, Raster]:
  with decoding.guarded(path):
    image, valid = how.image(path)
  return names(base, [path])[0], ArrayRaster(image, valid)
