"""Images and labels from and to files, checked at the door."""

import io
import os
import pathlib

import numpy as np
from PIL import ExifTags, Image

from magnet_jax.io import atomic, decoding
from magnet_jax.io.atomic import PathLike, prepare_folder
from magnet_jax.types import ClassTable, InputError, Sample, Size

__all__ = [
  'check_sizes',
  'exif_orientation',
  'prepare_folder',
  'read_image',
  'read_label',
  'read_sample',
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


def exif_orientation(image: Image.Image) -> int:
  """EXIF orientation 1..8 that is still to be applied, from the header."""
  if image.format == 'TIFF':
    return 1  # Pillow turns TIFFs itself, in their size and their pixels
  if image.format == 'PNG' and not (
    {'exif', 'Raw profile type exif'} & image.info.keys()
  ):
    return 1  # getexif would decode the whole PNG to look behind the pixels
  try:
    return int(image.getexif().get(ExifTags.Base.Orientation, 1))
  except Exception:  # damaged EXIF does not make the pixels unreadable
    return 1


def _decode(image: Image.Image) -> np.ndarray:
  """Decodes to uint8 [H,W,3], in the file's own orientation."""
  image.load()
  if image.mode in _SIXTEEN_BITS:
    # Pillow's own conversion clips at 255 instead of scaling.
    gray = (np.asarray(image) >> 8).astype(np.uint8)
    return np.repeat(gray[..., None], 3, axis=-1)
  if image.mode in ('I', 'F'):
    raise InputError(
      f'{getattr(image, "filename", "image")}: has 32-bit pixels, whose range '
      'is not known; convert it to 8 or unsigned 16 bits a channel'
    )
  # A transparent palette entry only makes Pillow warn: alpha is dropped.
  image.info.pop('transparency', None)
  return np.asarray(image if image.mode == 'RGB' else image.convert('RGB'))


def turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
  """Turns uint8 [H,W] or [H,W,3] from an EXIF orientation upright."""
  if orientation not in _TURNS:
    return pixels
  turned = Image.fromarray(pixels).transpose(_TURNS[orientation])
  return np.asarray(turned)


def read_image(
  path: PathLike, *, max_pixels: int = decoding.MAX_PIXELS
) -> np.ndarray:
  """Reads a JPEG, PNG or TIFF file as 8-bit RGB, EXIF orientation applied.

  Grayscale, palette and CMYK are converted to RGB. Alpha is dropped: the
  colours come as stored, not laid over a background. 16 bits are scaled by
  the full range of the data type (value // 256, so 65535 becomes 255), not
  by the values found. Of several frames or pages, the first is read.

  Args:
    path: the file.
    max_pixels: largest height * width that the header may claim.

  Returns:
    uint8 [H,W,3].

  Raises:
    InputError: missing, empty, of another format, damaged, or too large.
  """
  with decoding.opened(path, max_pixels) as image:
    orientation = exif_orientation(image)
    return turn(_decode(image), orientation)


def read_size(
  path: PathLike,
  *,
  turned: bool = True,
  max_pixels: int = decoding.MAX_PIXELS,
) -> Size:
  """Reads (height, width) from the header alone.

  Args:
    path: the file.
    turned: after EXIF orientation, as `read_image` returns the image; False:
      as `read_label` does.
    max_pixels: largest height * width that the header may claim.

  Raises:
    InputError: missing, empty, of another format, or too large.
  """
  with decoding.opened(path, max_pixels) as image:
    width, height = image.size
    swap = turned and exif_orientation(image) >= 5
  return (width, height) if swap else (height, width)


def _translate(
  pixels: np.ndarray, classes: ClassTable, path: pathlib.Path
) -> np.ndarray:
  """Colours [H,W,3] to class indices [H,W]."""
  channels = np.moveaxis(pixels.astype(np.int32), -1, 0)
  codes = channels[0] << 16 | channels[1] << 8 | channels[2]
  unknown = np.ones(codes.shape, bool)
  label = np.full(codes.shape, classes.ignore_label, np.uint8)
  # Ignored pixels first: a class of the same colour as theirs wins.
  values = [classes.ignore_label, *reversed(range(len(classes)))]
  for value in values:
    red, green, blue = (int(c) for c in classes.palette[value])
    here = codes == (red << 16 | green << 8 | blue)
    label[here] = value
    unknown &= ~here
  if unknown.any():
    row, column = np.argwhere(unknown)[0]
    raise InputError(
      f'{path}: colour {tuple(int(c) for c in pixels[row, column])} at row '
      f'{row}, column {column} belongs to no class of '
      f'{", ".join(classes.names)}; add it to the class table'
    )
  return label


def _check_range(
  label: np.ndarray, classes: ClassTable, path: pathlib.Path
) -> None:
  bad = (label >= len(classes)) & (label != classes.ignore_label)
  if bad.any():
    row, column = np.argwhere(bad)[0]
    raise InputError(
      f'{path}: label {label[row, column]} at row {row}, column {column}: must '
      f'be a class index below {len(classes)} or {classes.ignore_label} '
      '(ignored); choose another class table or correct the label'
    )


def read_label(
  path: PathLike,
  classes: ClassTable,
  *,
  colours: bool = False,
  max_pixels: int = decoding.MAX_PIXELS,
) -> np.ndarray:
  """Reads a label image; its EXIF orientation is not looked at.

  Args:
    path: a PNG, TIFF or (with care) JPEG file.
    classes: the classes that may occur.
    colours: whether pixels hold the colours of `classes` rather than class
      indices. The indices of a palette image are its stored values.
    max_pixels: largest height * width that the header may claim.

  Returns:
    uint8 [H,W] of class indices and `classes.ignore_label`.

  Raises:
    InputError: as `read_image`, or a value or colour of no class.
  """
  path = pathlib.Path(path)
  with decoding.opened(path, max_pixels) as image:
    image.load()
    if colours:
      pixels = _decode(image)
    elif image.mode in ('P', 'L', '1', *_SIXTEEN_BITS):
      pixels = np.asarray(image)
    else:
      raise InputError(
        f'{path}: pixels of kind {image.mode}: a label holds one class index '
        'a pixel; set colours if it holds the colours of the classes'
      )
  if colours:
    return _translate(pixels, classes, path)
  _check_range(pixels, classes, path)
  return pixels.astype(np.uint8)


def read_sample(
  image_path: PathLike,
  label_path: PathLike | None,
  classes: ClassTable,
  *,
  colours: bool = False,
  max_pixels: int = decoding.MAX_PIXELS,
) -> Sample:
  """Reads an image and its label, which must be of one size.

  Args:
    image_path: see `read_image`.
    label_path: see `read_label`; None where there is no label.
    classes: the classes that may occur.
    colours: whether the label holds the colours of `classes`.
    max_pixels: largest height * width that a header may claim.

  Returns:
    The sample, named by the image's file name without folder and suffix.

  Raises:
    InputError: as the two readers, or the sizes differ.
  """
  name = pathlib.Path(image_path).stem
  image = read_image(image_path, max_pixels=max_pixels)
  if label_path is None:
    return Sample(name, image)
  label = read_label(
    label_path, classes, colours=colours, max_pixels=max_pixels
  )
  check_sizes(image_path, image.shape[:2], label_path, label.shape)
  return Sample(name, image, label)


def check_sizes(
  image_path: PathLike, image: Size, label_path: PathLike, label: Size
) -> None:
  """Raises InputError unless the (height, width) of both are equal."""
  if image != label:
    raise InputError(
      f'{label_path}: label of {label[0]} x {label[1]} (height x width) for '
      f'{image_path} of {image[0]} x {image[1]}: must be of one size; resize '
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
  """Writes a label as a palette PNG, whole or not at all.

  Args:
    path: a name that ends in .png.
    label: uint8 [H,W].
    classes: give the palette, so that viewers show colours.

  Raises:
    InputError: another suffix, or the system refuses to write.
  """
  _suffix(path, _LABEL_FILES)
  image = Image.fromarray(label, 'L')
  image.putpalette(classes.palette.tobytes())
  _write(path, image, 'PNG')


def write_image(path: PathLike, image: np.ndarray) -> None:
  """Writes an image, whole or not at all.

  Args:
    path: a name that ends in .png, .jpg or .jpeg (quality 92).
    image: uint8 [H,W,3], or [H,W] for grayscale.

  Raises:
    InputError: another suffix, or the system refuses to write.
  """
  png = _suffix(path, _IMAGE_FILES) == '.png'
  _write(path, Image.fromarray(image), 'PNG' if png else 'JPEG', quality=92)


def _write(
  path: PathLike, image: Image.Image, kind: str, **settings: int
) -> None:
  # In memory first: Pillow hides the reason of a failed write to a disk.
  encoded = io.BytesIO()
  image.save(encoded, kind, **settings)
  atomic.write_bytes(path, encoded.getbuffer())
