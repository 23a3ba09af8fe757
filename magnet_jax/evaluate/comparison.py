"""Compares methods on labelled images: one record per image and method."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
import contextlib
import dataclasses
import functools
import pathlib
from typing import Protocol

import tqdm

from magnet_jax import outside, parallel
from magnet_jax.cascade.cascade import StageResult
from magnet_jax.data import reading
from magnet_jax.data.sources import Pair, Source
from magnet_jax.evaluate import measuring
from magnet_jax.evaluate.kept_records import KeptRecords
from magnet_jax.evaluate.record import Record
from magnet_jax.methods import method as methods
from magnet_jax.methods.method import Method
from magnet_jax.types import ClassTable, InputError, Sample, Size

Load = Callable[[], Sample]


class Pictures(Protocol):
  """Draws images while they are measured."""

  def missing(self, index: int, method: str) -> bool:
    """Returns whether a picture is wanted but not there yet."""

  def add(
    self,
    index: int,
    sample: Sample,
    method: str,
    results: Sequence[StageResult],
  ) -> None:
    """Draws what a method found, stage by stage."""


@contextlib.contextmanager
def counting_bar(
  total: int, name: str, unit: str = 'it'
) -> Iterator[Callable[[str], None]]:
  """Shows a bar in the first process; yields what moves it, with a text."""
  with tqdm.tqdm(
    total=total,
    desc=name,
    unit=unit,
    dynamic_ncols=True,
    disable=None if parallel.is_main() else True,
  ) as bar:

    def done(text: str) -> None:
      bar.set_postfix_str(text)
      bar.update()

    yield done


@dataclasses.dataclass
class Comparison:
  """A run over images, which may be interrupted and resumed.

  Attributes:
    methods: by name.
    classes: of the labels.
    folder: for records.jsonl; None writes nothing.
    settings: of the run; a folder holds runs of one kind.
    pictures: draws images as they are measured; None draws none.
  """

  methods: Mapping[str, Method]
  classes: ClassTable
  folder: pathlib.Path | None
  settings: Mapping[str, object]
  pictures: Pictures | None = None

  def run(
    self,
    loads: Sequence[Load],
    done: Callable[[str], None] = lambda text: None,
  ) -> tuple[list[Record], list[str]]:
    """Measures every method on every image that has no record yet.

    Args:
      loads: each reads one image; one that fails stops no other.
      done: progress callback, given 'image method' after each pair.

    Returns:
      The records of these images, old and new, and one line for each bad
      image. With several processes, of which each measures its share of the
      images, those of all. Records of other images stay in the folder.

    Raises:
      InputError: the folder is not writable or belongs to another run.
    """
    kept = KeptRecords(self.folder, self.settings, tuple(self.methods))
    errors: list[tuple[int, str]] = []
    warm: set[Size] = set()
    for index in _own(loads):
      have = kept.methods_of(index)
      for method in have & self.methods.keys():
        done(method)
      missing = [m for m in self.methods if m not in have]
      if not missing:
        continue
      try:
        sample = _labelled(loads[index]())
      except InputError as error:
        outside.told(error)
        errors.append((index, str(error)))
        for method in missing:
          done(method)
        continue
      self._warm_up(sample, warm)
      for method in missing:
        name = self._measure(kept, index, sample, method)
        done(f'{name} {method}')
    bad = sorted(each for part in parallel.gather(errors) for each in part)
    found = kept.finish()
    if self.pictures and parallel.is_main():
      for index, load in enumerate(loads):
        self._draw(self.pictures, index, load, kept.methods_of(index))
    asked = [r for r in found if r['index'] < len(loads)]
    return asked, [line for _, line in bad]

  def run_with_bar(
    self, loads: Sequence[Load], name: str
  ) -> tuple[list[Record], list[str]]:
    """Runs as `run`, with a progress bar in the first process."""
    with counting_bar(len(_own(loads)) * len(self.methods), name) as done:
      return self.run(loads, done)

  def _warm_up(self, sample: Sample, warm: set[Size]) -> None:
    """Compiles for an image of a new size, before anything is timed."""
    size = (sample.image.shape[0], sample.image.shape[1])
    if size not in warm:
      methods.warm_up(self.methods.values(), size)
      warm.add(size)

  def _measure(
    self, kept: KeptRecords, index: int, sample: Sample, method: str
  ) -> str:
    """Measures one method on one image, and draws it if wanted."""
    # Results are only kept here and drawn later, as drawing would be measured.
    results: list[StageResult] = []
    wanted = self.pictures and self.pictures.missing(index, method)
    record, _ = measuring.measure(
      sample,
      method,
      self.methods[method],
      self.classes,
      results.append if wanted else methods.unwatched,
    )
    # Before the record: a killed run that has the record must have the picture.
    if self.pictures and wanted:
      self.pictures.add(index, sample, method, results)
    return kept.add({**record, 'index': index})

  def _draw(
    self, pictures: Pictures, index: int, load: Load, measured: Collection[str]
  ) -> None:
    """Segments again where there is a record but no picture.

    This is needed if more pictures are requested than before, or if another
    process drew them on a disk of its own.
    """
    wanted = [
      m for m in self.methods if m in measured and pictures.missing(index, m)
    ]
    if not wanted:
      return
    try:
      sample = load()
    except InputError:  # it was good when it was measured
      return
    for method in wanted:
      results: list[StageResult] = []
      self.methods[method].segment(sample.image, results.append)
      pictures.add(index, sample, method, results)


def _own(loads: Sequence[Load]) -> range:
  """Returns the indices of the images that this process measures."""
  return range(parallel.process(), len(loads), parallel.processes())


def from_source(source: Source) -> list[Load]:
  """Returns readers of all images of a data set."""
  return [
    functools.partial(source.__getitem__, index) for index in range(len(source))
  ]


def from_pairs(
  pairs: Sequence[Pair],
  classes: ClassTable,
  *,
  colours: bool,
  how: reading.Reading = reading.PLAIN,
) -> list[Load]:
  """Returns readers of image files; bad ones are found when they are read."""
  return [
    functools.partial(
      reading.read_sample,
      pair.image,
      pair.label,
      classes,
      colours=colours,
      reading=how,
    )
    for pair in pairs
  ]


def _labelled(sample: Sample) -> Sample:
  if sample.label is None:
    raise InputError(
      f'{sample.name}: has no label to compare with; give image and label '
      'pairs, or use magnet-jax segment'
    )
  return sample
