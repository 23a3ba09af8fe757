"""TFDS builders of the published data sets, without TensorFlow.

Images are stored as their official bytes, labels as PNGs of class indices
encoded by Pillow, both in ArrayRecord files, ordered by name. Importing this
file registers the builders with TFDS.
"""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import errno
import io
import os
from typing import ClassVar

import numpy as np
from PIL import Image
import tensorflow_datasets as tfds

from magnet_jax.data import prepared
from magnet_jax.datasets import cityscapes, deepglobe, gleason
from magnet_jax.datasets.recipes import Item, Recipe, Splits
from magnet_jax.files import atomic

Done = Callable[[str], None]
_FEATURES = {'name': (), 'image': (None, None, 3), 'label': (None, None, 1)}


class Labelled(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # type: ignore[call-arg]
  """Labelled images of a recipe: `RECIPE`, if the class has one."""

  VERSION = tfds.core.Version('1.0.0')
  RELEASE_NOTES: ClassVar = {'1.0.0': 'First version.'}
  RECIPE: Recipe
  # The folder of download checksums; to look there, TFDS would import a package
  # that it does not require.
  code_path = None

  def __init__(
    self,
    *,
    recipe: Recipe | None = None,
    found: Splits | None = None,
    done: Done = lambda text: None,
    **settings: object,
  ) -> None:
    """Stores what to read.

    Args:
      recipe: of the data set; None: that of the class.
      found: its items, if already known.
      done: called after each image.
      **settings: of TFDS, such as `data_dir`.
    """
    self._recipe = recipe or self.RECIPE
    self._found = found
    self._done = done
    super().__init__(**settings)

  def _info(self) -> tfds.core.DatasetInfo:
    recipe = self._recipe
    features = {
      name: tfds.features.Image(shape=shape) if shape else tfds.features.Text()
      for name, shape in _FEATURES.items()
    }
    return tfds.core.DatasetInfo(
      builder=self,
      description=recipe.description,
      homepage=recipe.homepage or None,
      citation=recipe.citation or None,
      features=tfds.features.FeaturesDict(features),
      # Sizes are stored in the order of the items.
      disable_shuffling=True,
      metadata=tfds.core.MetadataDict(
        {'classes': list(recipe.classes.names), 'sizes': {}, 'pixels': {}}
      ),
    )

  def _split_generators(
    self, dl_manager: tfds.download.DownloadManager
  ) -> dict[str, Iterator[tuple[int, dict[str, object]]]]:
    found = self._found or self._recipe.items(dl_manager.manual_dir)
    return {
      split: self._generate_examples(split, items)
      for split, items in found.items()
    }

  def _generate_examples(
    self, split: str, items: Sequence[Item]
  ) -> Iterator[tuple[int, dict[str, object]]]:
    table = self._recipe.classes
    pixels = np.zeros(256, np.int64)
    sizes = []
    for index, item in enumerate(items):
      image, label = item.read()
      pixels += np.bincount(label.reshape(-1), minlength=256)
      sizes.append(label.shape)
      yield index, {'name': item.name, 'image': image, 'label': _png(label)}
      self._done(f'{split} {item.name}')
    counts = [*pixels[: len(table)], pixels[table.ignore_label]]
    self.info.metadata['sizes'][split] = sizes
    self.info.metadata['pixels'][split] = [int(count) for count in counts]


class CityscapesMagnet(Labelled):
  """Cityscapes by its 19 train ids."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = cityscapes.FINE.layout
  RECIPE = cityscapes.FINE


class DeepglobeLandCover(Labelled):
  """DeepGlobe land cover, 7 classes."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = deepglobe.RECIPE.layout
  RECIPE = deepglobe.RECIPE


class Gleason2019(Labelled):
  """Gleason 2019 by the majority of the pathologists."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = gleason.RECIPE.layout
  RECIPE = gleason.RECIPE


class FileList(Labelled):
  """Your own images; the recipe is given."""

  MANUAL_DOWNLOAD_INSTRUCTIONS = 'lists or folders of images and labels'


_BUILDERS = {
  each.name: each
  for each in (CityscapesMagnet, DeepglobeLandCover, Gleason2019, FileList)
}


def write(
  recipe: Recipe, found: Splits, data_dir: str, downloads: str, done: Done
) -> None:
  """Writes a complete data set, or nothing.

  Args:
    recipe: of the set.
    found: its items.
    data_dir: the folder of all prepared sets.
    downloads: an empty folder that TFDS requires.
    done: called after each image.

  Raises:
    InputError: an image or a label is bad, or the disk is full.
  """
  name, _, variant = recipe.name.partition('/')
  config = {}
  if variant:
    config['config'] = tfds.core.BuilderConfig(
      name=variant, version=recipe.version
    )
  builder = _BUILDERS[name](
    recipe=recipe,
    found=found,
    done=done,
    data_dir=data_dir,
    file_format=prepared.FORMAT,
    **config,
  )
  with _silence(), _told(f'{data_dir}/{recipe.name}'):
    builder.download_and_prepare(
      download_dir=downloads,
      download_config=tfds.download.DownloadConfig(
        manual_dir=downloads, try_download_gcs=False
      ),
    )


@contextlib.contextmanager
def _told(folder: str) -> Iterator[None]:
  """Turns failed writes, which TFDS raises as RuntimeError, into InputError."""
  try:
    yield
  except RuntimeError as error:
    # ArrayRecord reports the reason of the system only in words.
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
      if os.strerror(number) in str(error):
        failed = OSError(number, os.strerror(number))
        raise atomic.write_error(folder, failed) from error
    raise


@contextlib.contextmanager
def _silence() -> Iterator[None]:
  """Keeps TFDS from printing and drawing progress bars."""
  tfds.disable_progress_bar()
  try:
    with contextlib.redirect_stdout(io.StringIO()):
      yield
  finally:
    tfds.enable_progress_bar()


def _png(label: np.ndarray) -> bytes:
  encoded = io.BytesIO()
  Image.fromarray(label).save(encoded, 'PNG')
  return encoded.getvalue()
