"""Reads and writes images and labels, and checks them."""

import io
import os
import pathlib

import numpy as np
from PIL import ExifTags, Image

from magnet_jax.files import atomic, decoding, label_codes
from magnet_jax.files.atomic import PathLike, prepare_folder
from magnet_jax.types import ClassTable, InputError, Size

__all__ = [
  'check_sizes',
  'decode',
  'exif_orientation',
  'prepare_folder',
  'read_codes',
  'read_image',
  'read_label',
  'read_size',
  'turn',
  'write_image',
  'write_label',
]

_TURNS = {
  2: Image.Transpose.FLIP_LEFT_RIGHT,
  3: Image.Transpose.ROTATE_180,
  4: Image.Transpose.FLIP_TOP_BOTTOM,
  5: Image.Transpose.TRANSPOSE,
  6: Image.Transpose.ROTATE_270,
  7: Image.Transpose.TRANSVERSE,
  8: Image.Transpose.ROTATE_90,
}
_SIXTEEN_BITS = ('I;16', 'I;16L', 'I;16B', 'I;16N')
_LABEL_FILES = ('.png',)
_IMAGE_FILES = ('.png', '.jpg', '.jpeg')
_LONGEST_JPEG = 65500  # pixels of a side, in libjpeg


def exif_orientation(image: Image.Image) -> int:
  """Returns the EXIF orientation 1..8 that is still to be applied."""
  if image.format == 'TIFF':
    return 1  # Pillow applies that of TIFF files to size and pixels itself
  if image.format == 'PNG' and not (
    {'exif', 'Raw profile type exif'} & image.info.keys()
  ):
    return 1  # getexif would decode the whole PNG to search after the pixels
  try:
    found = int(image.getexif().get(ExifTags.Base.Orientation, 1))
  except Exception:  # the pixels can be read despite damaged EXIF data
    return 1
  return found if found in _TURNS else 1


def decode(image: Image.Image, path: PathLike) -> np.ndarray:
  """Decodes an opened image to uint8 [H,W,3] as stored; `path` is its name."""
  image.load()
  if image.mode in _SIXTEEN_BITS:
    # The conversion of Pillow clips at 255 instead of scaling.
    gray = (np.asarray(image) >> 8).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=-1)
  if image.mode in ('I', 'F'):
    raise InputError(
      f'{os.fspath(path)}: has 32-bit pixels of unknown range; '
      'convert it to 8 or unsigned 16 bits a channel'
    )
  # Alpha is dropped, and a transparent palette entry makes Pillow warn.
  if 'transparency' in image.info:
    image = image.copy()
    del image.info['transparency']
  return np.asarray(image if image.mode == 'RGB' else image.convert('RGB'))


def turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
  """Turns uint8 [H,W] or [H,W,3] upright from an EXIF orientation."""
  if orientation not in _TURNS:
    return pixels
  turned = Image.fromarray(pixels).transpose(_TURNS[orientation])
  return np.asarray(turned)


def read_image(
  path: PathLike,
  *,
  turned: bool = True,
  max_pixels: int = decoding.MAX_PIXELS,
) -> np.ndarray:
  """Reads a JPEG, PNG or TIFF file as 8-bit RGB, EXIF orientation applied.

  Grayscale, palette and CMYK are converted to RGB. Alpha is dropped: colours
  stay as stored and are not blended with a background. 16 bits are scaled by
  the full range of the type (value // 256, so 65535 becomes 255), not by the
  range of the values. Of several frames or pages the first is read.

  Args:
    path: the file.
    turned: apply the EXIF orientation; False leaves the pixels as stored.
    max_pixels: largest height * width that the header may claim.

  Returns:
    uint8 [H,W,3].

  Raises:
    InputError: missing, empty, of another format, damaged, or too large.
  """
  with decoding.opened(path, max_pixels) as image:
    orientation = exif_orientation(image) if turned else 1
    return turn(decode(image, path), orientation)


def read_size(
  path: PathLike,
  *,
  turned: bool = True,
  max_pixels: int = decoding.MAX_PIXELS,
) -> Size:
  """Reads (height, width) from the header only.

  Args:
    path: the file.
    turned: after EXIF orientation, as `read_image` returns the image; False:
      as `read_label` does.
    max_pixels: largest height * width that the header may claim.

  Raises:
    InputError: missing, empty, of another format, or too large.
  """
  with decoding.opened(path, max_pixels, decoded=False) as image:
    width, height = image.size
    swap = turned and exif_orientation(image) >= 5
  return (width, height) if swap else (height, width)


def _check_range(
  label: np.ndarray, classes: ClassTable, path: pathlib.Path
) -> None:
  bad = (label >= len(classes)) & (label != classes.ignore_label)
  if bad.any():
    row, column = np.argwhere(bad)[0]
    values, counts = np.unique(label[bad], return_counts=True)
    found = dict(zip(values.tolist(), counts.tolist(), strict=True))
    raise InputError(
      f'{path}: label {label[row, column]} at row {row}, column {column}: must '
      f'be a class index below {len(classes)} or {classes.ignore_label} '
      f'(ignored), but holds {label_codes.as_counts(found, colours=False)}; '
      'choose another class table or correct the label'
    )


def read_label(
  path: PathLike,
  classes: ClassTable,
  *,
  colours: bool = False,
  max_pixels: int = decoding.MAX_PIXELS,
) -> np.ndarray:
  """Reads a label image and ignores its EXIF orientation.

  Args:
    path: a PNG, TIFF or (with care) JPEG file.
    classes: the classes that may occur; if they have `codes`, the file holds
      these.
    colours: otherwise, whether pixels hold the colours of `classes` rather
      than class indices. The indices of a palette image are its stored values.
    max_pixels: largest height * width that the header may claim.

  Returns:
    uint8 [H,W] of class indices and `classes.ignore_label`, also for stored
    indices below 0.

  Raises:
    InputError: as `read_image`, or a value or colour belongs to no class.
  """
  path = pathlib.Path(path)
  codes = classes.codes
  if colours and not codes:
    codes = label_codes.of_colours(classes)
  pixels = read_codes(
    path, colours=bool(codes and codes.colours), max_pixels=max_pixels
  )
  if codes:
    return label_codes.translate(pixels, codes, classes, path)
  _check_range(pixels, classes, path)
  if pixels.dtype.kind == 'i':  # signed files hold -1 for "no label"
    pixels = np.where(pixels < 0, np.int32(classes.ignore_label), pixels)
  return pixels.astype(np.uint8)


def read_codes(
  path: PathLike, *, colours: bool, max_pixels: int = decoding.MAX_PIXELS
) -> np.ndarray:
  """Reads the values or colours of a label file as stored.

  Args:
    path: the file.
    colours: whether to read colours, also of palette and grey images.
    max_pixels: largest height * width that the header may claim.

  Returns:
    Integers [H,W], or uint8 [H,W,3] of colours without alpha.

  Raises:
    InputError: as `read_image`, or it holds colours instead of values.
  """
  with decoding.opened(path, max_pixels) as image:
    image.load()
    if colours:
      return decode(image, path)
    if image.mode in ('P', 'L', '1', 'I', *_SIXTEEN_BITS):
      return decoding.stored(image)
    remedy = (
      'convert it to 8 or 16 bits'
      if image.mode == 'F'
      else 'if it holds the colours of the classes, set data.colours '
      '(--config.data.colours=True)'
    )
    raise InputError(
      f'{os.fspath(path)}: pixels of kind {image.mode}: a label holds one '
      f'class index per pixel, a whole number; {remedy}'
    )


def check_sizes(
  image_path: PathLike, image: Size, label_path: PathLike, label: Size
) -> None:
  """Raises InputError unless image and label have the same size."""
  if image != label:
    raise InputError(
      f'{label_path}: label of {label[0]} x {label[1]} (height x width) for '
      f'{image_path} of {image[0]} x {image[1]}: sizes must be equal; resize '
      'the label by nearest neighbour or correct the pairing'
    )


def _suffix(path: PathLike, known: tuple[str, ...]) -> str:
  suffix = pathlib.Path(path).suffix.lower()
  if suffix not in known:
    raise InputError(
      f'{os.fspath(path)}: cannot be written as {suffix or "no suffix"}; name '
      f'a file that ends in {", ".join(known)}'
    )
  return suffix


def write_label(path: PathLike, label: np.ndarray, classes: ClassTable) -> None:
  """Writes a label as a palette PNG, completely or not at all.

  Args:
    path: must end in .png.
    label: uint8 [H,W].
    classes: the palette, which makes viewers show colours.

  Raises:
    InputError: another suffix, or writing fails.
  """
  _suffix(path, _LABEL_FILES)
  image = Image.fromarray(label, 'L')
  image.putpalette(classes.palette.tobytes())
  _write(path, image, 'PNG')


def write_image(path: PathLike, image: np.ndarray) -> None:
  """Writes an image, completely or not at all.

  Of an image too long for a JPEG every second pixel is written, or fewer.

  Args:
    path: must end in .png, .jpg or .jpeg (quality 92).
    image: uint8 [H,W,3], or [H,W] for grayscale.

  Raises:
    InputError: another suffix, or writing fails.
  """
  png = _suffix(path, _IMAGE_FILES) == '.png'
  if not png:
    step = -(-max(image.shape[:2]) // _LONGEST_JPEG)
    image = np.ascontiguousarray(image[::step, ::step])
  _write(path, Image.fromarray(image), 'PNG' if png else 'JPEG', quality=92)


def _write(
  path: PathLike, image: Image.Image, kind: str, **settings: int
) -> None:
  # In memory first, as Pillow hides why a write to disk has failed.
  encoded = io.BytesIO()
  image.save(encoded, kind, **settings)
  atomic.write_bytes(path, encoded.getbuffer())
