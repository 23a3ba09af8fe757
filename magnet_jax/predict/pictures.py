"""Labels and maps as pictures: uint8 RGB, drawn with NumPy, OpenCV, Pillow."""

from __future__ import annotations

import functools

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from magnet_jax.types import ClassTable, InputError

Colour = tuple[int, int, int]
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Squares where there is no class: their greys, and their side in pixels.
_UNNAMED = np.array([[200] * 3, [232] * 3], np.uint8)
_SQUARE = 12
PAPER: Colour = (255, 255, 255)
INK: Colour = (29, 33, 37)
QUIET: Colour = (102, 111, 120)


def colourise(label: np.ndarray, classes: ClassTable) -> np.ndarray:
  """Paints every class in its colour.

  Args:
    label: uint8 [H,W]; values without a class become grey squares, as a single
      colour could be that of a class.
    classes: provide the colours.

  Returns:
    uint8 [H,W,3], RGB.
  """
  painted = np.take(classes.palette, label, axis=0)
  unnamed = label >= len(classes)
  if unnamed.any():
    rows, columns = (np.arange(side) // _SQUARE % 2 for side in label.shape)
    odd = (rows[:, None] != columns[None])[unnamed]
    painted[unnamed] = np.where(odd[:, None], *_UNNAMED)
  return painted


def overlay(
  image: np.ndarray,
  label: np.ndarray,
  classes: ClassTable,
  alpha: float = 0.5,
  contours: bool = True,
) -> np.ndarray:
  """Tints the image by its classes.

  Args:
    image: uint8 [H,W,3], RGB.
    label: uint8 [H,W]; pixels without a class are left as they are.
    classes: provide the colours.
    alpha: share of the class's colour, 0..1.
    contours: whether the classes' edges are drawn, in their full colour.

  Returns:
    uint8 [H,W,3], RGB.

  Raises:
    InputError: image and label differ in size.
  """
  if image.shape[:2] != label.shape:
    raise InputError(
      f'label of size {label.shape}, image of size {image.shape[:2]}: an '
      'overlay needs one size; resize the label'
    )
  colours = colourise(label, classes)
  tinted = cv2.addWeighted(image, 1 - alpha, colours, alpha, 0)
  if contours:
    # About 1/1000 of the image, to remain visible when it is shown in full.
    edge = edges(label, max(1, round(max(label.shape) / 1000)))
    tinted = cv2.copyTo(colours, edge.view(np.uint8), tinted)
  unnamed = label >= len(classes)
  return cv2.copyTo(image, unnamed.view(np.uint8), tinted)


def edges(label: np.ndarray, width: int = 1) -> np.ndarray:
  """Finds pixels within `width` of another class: bool [H,W] of uint8 [H,W]."""
  square = np.ones((3, 3), np.uint8)
  highest = cv2.dilate(label, square, iterations=width)
  lowest = cv2.erode(label, square, iterations=width)
  return highest != lowest


def heat(values: np.ndarray) -> np.ndarray:
  """Paints values by brightness and colour: 0 almost black, 1 pale yellow.

  The colour map is inferno, whose lightness increases evenly.

  Args:
    values: float [H,W]; clipped to 0..1, NaN as 0.

  Returns:
    uint8 [H,W,3], RGB.
  """
  grey = np.clip(np.nan_to_num(values), 0, 1) * 255 + 0.5
  bgr = cv2.applyColorMap(grey.astype(np.uint8), cv2.COLORMAP_INFERNO)
  return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)


def legend(classes: ClassTable, width: int, font_size: int = 15) -> np.ndarray:
  """Draws swatches with the names of the classes, wrapped into lines.

  Args:
    classes: names and colours.
    width: of the picture in pixels.
    font_size: in pixels.

  Returns:
    uint8 [h,width,3], RGB; as high as it needs to be.
  """
  font = typeface(font_size)
  swatch, gap, line = font_size, font_size // 2, round(font_size * 1.8)
  places, left, top = [], 0, 0
  for name in classes.names:
    wide = swatch + gap + round(font.getlength(name))
    if left and left + wide > width:
      left, top = 0, top + line
    places.append((left, top))
    left += wide + 3 * gap
  picture = Image.new('RGB', (width, top + line), PAPER)
  draw = ImageDraw.Draw(picture)
  entries = zip(places, classes.names, classes.colours, strict=True)
  for (left, top), name, colour in entries:
    middle = top + line // 2
    draw.rounded_rectangle(
      (left, middle - swatch // 2, left + swatch, middle + swatch // 2),
      radius=swatch // 5,
      fill=tuple(colour),
      outline=QUIET,
    )
    draw.text(
      (left + swatch + gap, middle), name, fill=INK, font=font, anchor='lm'
    )
  return np.asarray(picture)


@functools.cache
def typeface(size: int) -> Font:
  """Loads Pillow's own font, which is available on every machine."""
  return ImageFont.load_default(size=size)
