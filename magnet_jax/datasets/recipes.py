"""What a data set consists of, before anything is decoded."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import pathlib

import numpy as np

from magnet_jax.files import decoding, images
from magnet_jax.files.decoding import Encoded
from magnet_jax.types import ClassTable, InputError


@dataclasses.dataclass(frozen=True)
class Item:
  """One labelled image that has not been read yet.

  Attributes:
    name: in records and pictures.
    origin: of the image, for messages.
    image: reads the image as stored: JPEG, PNG or TIFF bytes.
    label: reads uint8 [H,W], class indices or the table's ignore label.
  """

  name: str
  origin: str
  image: Callable[[], bytes]
  label: Callable[[], np.ndarray]

  def read(self) -> tuple[bytes, np.ndarray]:
    """Reads both, and verifies that the image can be decoded.

    Returns:
      The bytes of the image, and its label of the same size.

    Raises:
      InputError: damaged, values of no class, or sizes that differ.
    """
    with decoding.guarded(self.origin):
      data = self.image()
    pixels = images.read_image(Encoded(self.origin, data))
    label = self.label()
    images.check_sizes(
      self.origin, pixels.shape[:2], f'label of {self.name}', label.shape
    )
    return data, label


Splits = Mapping[str, Sequence[Item]]


@dataclasses.dataclass(frozen=True)
class Recipe:
  """A data set: what it is, and how its official files become samples.

  Attributes:
    name: of the builder and its folder; a variant follows a slash.
    classes: of its labels.
    description: what it holds, and how it is read.
    homepage: where it comes from.
    citation: BibTeX.
    layout: which files the folder must hold, and where to get them.
    find: folder -> the items of each split; checks the layout.
    version: of the prepared files; to be raised when these change.
  """

  name: str
  classes: ClassTable
  description: str
  homepage: str
  citation: str
  layout: str
  find: Callable[[pathlib.Path], Splits]
  version: str = '1.0.0'

  def items(self, folder: pathlib.Path) -> Splits:
    """Returns the items of each split; no split is empty.

    Args:
      folder: with the official files.

    Raises:
      InputError: the folder, a file or a partner is missing.
    """
    if not folder.exists():
      raise InputError(f'{folder}: no such folder; {self.layout}')
    found = self.find(folder)
    for split, items in found.items():
      if not items:
        raise InputError(
          f'{folder}: split {split} holds no image; {self.layout}'
        )
      for item in items:
        _check_name(item)
    return found


def _check_name(item: Item) -> None:
  try:
    item.name.encode()
  except UnicodeEncodeError as error:
    raise InputError(
      f'{item.origin!a}: has a name that is not UTF-8; rename the file'
    ) from error


def pair(
  found: Mapping[str, str], labels: Mapping[str, str], where: str
) -> list[tuple[str, str, str]]:
  """Pairs images and labels by key.

  Args:
    found: image by key.
    labels: label by key.
    where: they come from, for the message.

  Returns:
    (key, image, label), ordered by key.

  Raises:
    InputError: an image or a label has no partner.
  """
  lonely = sorted(found.keys() ^ labels.keys())
  if lonely:
    key = lonely[0]
    kind = 'label' if key in found else 'image'
    raise InputError(
      f'{where}: {found.get(key) or labels[key]} has no {kind} '
      f'({len(lonely)} in total); the set is incomplete, download or unpack it '
      'again'
    )
  return [(key, found[key], labels[key]) for key in sorted(found)]


def keyed(pairs: Sequence[tuple[str, str]], where: str) -> dict[str, str]:
  """Returns files by key; two files with the same key are an error.

  Raises:
    InputError: two files of one key, such as two labels for one image.
  """
  found: dict[str, str] = {}
  for key, name in pairs:
    if key in found:
      raise InputError(
        f'{where}: {found[key]} and {name} are both for {key}: only one is '
        'allowed; remove the wrong one'
      )
    found[key] = name
  return found
