"""Types that several rooms share: sizes, grids, stages, samples, metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any, Protocol

import jax
import numpy as np

Array = jax.Array | np.ndarray
Size = tuple[int, int]  # always (height, width)
IGNORE = 255  # the label value of pixels that are never counted
# Windows that are computed: a share of all, a count per stage, or one of these
# for each stage after the first.
Windows = float | int | tuple[float | int, ...]
Network = Callable[..., Any]  # images [B,h,w,3] -> logits [B,h,w,C]
Section = Mapping[str, Any]  # of a config: settings by name
Tones = Mapping[str, tuple[float, ...]]  # of images: each one's traits by name
# What a checkpoint can contain. A model of several networks has the metadata of
# the last of these.
KINDS = ('trunk', 'segmenter', 'refiner')
# Or a corrector of finished maps: this and its name.
CORRECTOR = 'refiner_'


class Plane(Protocol):
  """An image or a map, in memory or not, that is read in rectangles."""

  @property
  def size(self) -> Size:
    """Returns (height, width)."""

  def read(self, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Returns [height,width,...] of a rectangle that lies inside."""


class InputError(ValueError):
  """Bad input from outside: one line with the value, the rule, the remedy."""


Code = int | tuple[int, int, int]  # a label file's value or (red, green, blue)


def _check_colour(what: str, colour: tuple[int, ...]) -> None:
  if len(colour) != 3 or not all(0 <= value <= 255 for value in colour):
    raise InputError(
      f'{what} {list(colour)}: must be [red, green, blue] of 0..255; correct it'
    )


@dataclasses.dataclass(frozen=True)
class LabelCodes:
  """The meaning of label files' pixels, where they are not class indices.

  Attributes:
    classes: one or more values, or colours, of each class.
    ignored: values or colours that are never counted.
    tolerance: largest difference, in any channel, at which a pixel still
      counts as the nearest code; pixels farther away are ignored. 0: pixels
      must match exactly, and others are an error.
  """

  classes: tuple[tuple[Code, ...], ...]
  ignored: tuple[Code, ...] = ()
  tolerance: int = 0

  def __post_init__(self) -> None:
    codes = [*(c for each in self.classes for c in each), *self.ignored]
    for code in codes:
      if isinstance(code, int) and not -(2**31) <= code < 2**32:
        raise InputError(
          f'label code {code}: must fit into 32 bits, the most that images '
          'can hold; correct it'
        )
      if isinstance(code, tuple):
        _check_colour('label code', code)
    if not 0 <= self.tolerance <= 255:
      raise InputError(
        f'tolerance {self.tolerance}: must be 0..255; correct it'
      )
    if len({isinstance(code, int) for code in codes}) > 1:
      raise InputError(
        f'label codes {codes[:8]}: must be all values or all colours; write '
        'each as a number, or each as [red, green, blue]'
      )
    if len(set(codes)) < len(codes):
      twice = next(code for code in codes if codes.count(code) > 1)
      raise InputError(
        f'label code {twice}: belongs to two classes; remove it from one'
      )

  @property
  def colours(self) -> bool:
    """Whether the codes are colours, not values."""
    return any(isinstance(c, tuple) for each in self.classes for c in each)


@dataclasses.dataclass(frozen=True)
class ClassTable:
  """The classes of a data set, as data.

  Attributes:
    names: one word per class, in the order of the indices.
    colours: one (red, green, blue) of 0..255 per class.
    unscored: classes that are left out of mean scores.
    ignore_label: the label value that is never counted.
    codes: how label files denote the classes; None: by index, or by colour if
      the reader is told so.
  """

  names: tuple[str, ...]
  colours: tuple[tuple[int, int, int], ...]
  unscored: tuple[int, ...] = ()
  ignore_label: int = IGNORE
  codes: LabelCodes | None = None

  def __post_init__(self) -> None:
    if len(self.names) != len(self.colours) or not self.names:
      raise InputError(
        f'class table of {len(self.names)} names and {len(self.colours)} '
        'colours: each class needs one of each; complete the table'
      )
    for name, colour in zip(self.names, self.colours, strict=True):
      _check_colour(f'class {name!r}: colour', colour)
    if not all(0 <= index < len(self.names) for index in self.unscored):
      raise InputError(
        f'unscored classes {self.unscored}: must be indices below '
        f'{len(self.names)}; correct them'
      )
    if self.codes and len(self.codes.classes) != len(self.names):
      raise InputError(
        f'class table of {len(self.names)} names and label codes of '
        f'{len(self.codes.classes)}: each class needs some; complete the table'
      )

  def __len__(self) -> int:
    return len(self.names)

  @property
  def palette(self) -> np.ndarray:
    """The colour of each label value: uint8 [256,3]; unnamed ones are black."""
    palette = np.zeros((256, 3), np.uint8)
    palette[: len(self.colours)] = self.colours
    return palette


@dataclasses.dataclass(frozen=True)
class Origin:
  """The origin of a converted network in PyTorch.

  Attributes:
    network: whose parameter names its weights had: a key of
      `torch_names.NAMES`.
    dtype: of the file's floating-point weights.
    counters: how many batches each batch normalisation had seen, by its name;
      one mapping for the network, or one per refiner; may be empty.
    order: of the two maps in a refiner's input.
  """

  network: str
  dtype: str
  counters: tuple[Mapping[str, int], ...]
  order: str | None = None


@dataclasses.dataclass(frozen=True)
class Meta:
  """The metadata of a checkpoint or an exported model.

  Attributes:
    config: sections by name, as in configs/default.py.
    classes: those that the networks predict; None for a trunk.
    kind: one of `KINDS`, or `CORRECTOR` and a name; None in models exported
      without it.
    torch: the origin of a converted network.
    versions: of the packages that wrote it, by name; empty until written.
    tones: of the images that the segmenter was trained on, see `data.tones`;
      empty if they are unknown.

  Raises:
    InputError: for an unknown kind, or tones of different numbers of images.
  """

  config: Section = dataclasses.field(default_factory=dict)
  classes: ClassTable | None = None
  kind: str | None = None
  torch: Origin | None = None
  versions: Mapping[str, str] = dataclasses.field(default_factory=dict)
  tones: Tones = dataclasses.field(default_factory=dict)

  def __post_init__(self) -> None:
    counts = {name: len(values) for name, values in self.tones.items()}
    if len(set(counts.values())) > 1 or 0 in counts.values():
      raise InputError(
        f'tones of {counts} images: must be of the same images, one at least; '
        'use a whole checkpoint or export the model again from its run'
      )
    known = self.kind in (None, *KINDS)
    if not known and not str(self.kind).startswith(CORRECTOR):
      raise InputError(
        f'kind {self.kind!r}: unknown; must be one of {", ".join(KINDS)}'
      )

  def section(self, name: str) -> Section:
    """Returns a section of the config.

    Raises:
      InputError: there is none.
    """
    found = self.config.get(name)
    if not isinstance(found, Mapping):
      raise InputError(
        f'config.{name} is {found!r:.60}: must be settings by name; use a '
        'whole checkpoint or export the model again from its run'
      )
    return found

  def override(self, name: str, **changes: object) -> Meta:
    """Returns a copy with some settings of a section changed."""
    section = {**self.section(name), **changes}
    return dataclasses.replace(self, config={**self.config, name: section})


@dataclasses.dataclass(frozen=True)
class WindowGrid:
  """Windows that cover an area exactly; the last one is flush with the edge.

  Attributes:
    size: height and width of the area in pixels.
    window: height and width of a window; larger than `size` where the area is
      smaller than one window (the rest is padding below and to the right).
    tops: first rows of the windows, ascending.
    lefts: first columns of the windows, ascending.
  """

  size: Size
  window: Size
  tops: tuple[int, ...]
  lefts: tuple[int, ...]

  def __len__(self) -> int:
    return len(self.tops) * len(self.lefts)

  @property
  def corners(self) -> tuple[tuple[int, int], ...]:
    """(top, left) of every window, row by row."""
    return tuple((top, left) for top in self.tops for left in self.lefts)


@dataclasses.dataclass(frozen=True)
class Stage:
  """One magnification: the image at `grid.size`, seen through `grid`.

  Attributes:
    index: 0 for the coarsest stage.
    grid: the windows over the stage's image.
    filtered: whether the map before is filtered by the image instead, see
      `cascade.last_filter`; the grid then has no windows.
  """

  index: int
  grid: WindowGrid
  filtered: bool = False

  @property
  def size(self) -> Size:
    """Height and width of the stage's image."""
    return self.grid.size

  @property
  def name(self) -> str:
    """Its name in titles and in the progress."""
    if self.filtered:
      return 'filtered'
    return f'stage {self.index}' if len(self.grid) else 'enlarged'


@dataclasses.dataclass(frozen=True)
class Sample:
  """One labelled image.

  Attributes:
    name: used in records and pictures.
    image: uint8 [H,W,3], RGB.
    label: uint8 [H,W], class indices, or None where there is no label.
  """

  name: str
  image: np.ndarray
  label: np.ndarray | None = None
