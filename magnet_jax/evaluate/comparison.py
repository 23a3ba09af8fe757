"""Methods compared on labelled images: records as they come, then a report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import functools
import pathlib
from typing import Any

import tqdm

from magnet_jax import parallel
from magnet_jax.data import reading
from magnet_jax.data.sources import Pair, Source
from magnet_jax.evaluate import figures, measuring, methods, summary, tables
from magnet_jax.evaluate.kept_records import KeptRecords, Record
from magnet_jax.evaluate.methods import Method
from magnet_jax.evaluate.summary import Difference
from magnet_jax.files import records
from magnet_jax.predict.model import Model
from magnet_jax.types import ClassTable, InputError, Sample, Size

Load = Callable[[], Sample]


@dataclasses.dataclass
class Comparison:
  """A run over images, which may be interrupted and taken up again.

  Attributes:
    model: the networks.
    methods: by name.
    folder: for records.jsonl and the report; None writes nothing.
    settings: what the run is made with; a folder holds runs of one kind.
  """

  model: Model
  methods: Mapping[str, Method]
  folder: pathlib.Path | None
  settings: Mapping[str, Any]

  def run(
    self,
    loads: Sequence[Load],
    done: Callable[[str], None] = lambda text: None,
  ) -> tuple[list[Record], list[str]]:
    """Measures every method on every image that has no record yet.

    Args:
      loads: each reads one image; one that fails stops no other.
      done: called with 'image method' after each of both.

    Returns:
      The records of these images, old and new, and one line for each bad
      image; of several processes, of which each measures its share of the
      images, all of both. What the folder has of further images stays there.

    Raises:
      InputError: if the folder cannot be written to or is of another run.
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
        errors.append((index, str(error)))
        for method in missing:
          done(method)
        continue
      self._warm_up(sample, warm)
      for method in missing:
        record = self._measure(sample, method)
        name = kept.add({**record, 'index': index})
        done(f'{name} {method}')
    bad = sorted(each for part in parallel.gather(errors) for each in part)
    asked = [r for r in kept.finish() if r['index'] < len(loads)]
    return asked, [line for _, line in bad]

  def run_with_bar(
    self, loads: Sequence[Load], name: str
  ) -> tuple[list[Record], list[str]]:
    """As `run`, with a progress bar of some name in the first process."""
    with tqdm.tqdm(
      total=len(_own(loads)) * len(self.methods),
      desc=name,
      dynamic_ncols=True,
      disable=None if parallel.is_main() else True,
    ) as bar:

      def done(text: str) -> None:
        bar.set_postfix_str(text)
        bar.update()

      return self.run(loads, done)

  def _warm_up(self, sample: Sample, warm: set[Size]) -> None:
    """Compiles for an image of a new size, before anything is timed."""
    size = (sample.image.shape[0], sample.image.shape[1])
    if size not in warm:
      methods.warm_up(self.model, size)
      warm.add(size)

  def _measure(self, sample: Sample, method: str) -> Record:
    record, _ = measuring.measure(
      sample, self.methods[method], self.model.classes
    )
    plain: Record = records.to_json(record)
    return plain


def _own(loads: Sequence[Load]) -> range:
  """Indices of the images that this process measures."""
  return range(parallel.process(), len(loads), parallel.processes())


def from_source(source: Source) -> list[Load]:
  """Readers of all images of a data set."""
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
  """Readers of image files with labels; bad ones are found when read."""
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


def differences(found: Sequence[Record]) -> dict[str, Difference]:
  """Paired differences of mIoU and boundary IoU, MagNet against each other."""
  present = {record['method'] for record in found}
  result: dict[str, Difference] = {}
  if 'magnet' not in present:
    return result
  for key, words in (('miou', 'mIoU'), ('boundary_iou', 'boundary IoU')):
    for other in summary.METHODS:
      if other == 'magnet' or other not in present:
        continue
      try:
        difference = summary.paired_difference(found, 'magnet', other, key)
      except InputError:  # no image has both, as in an interrupted run
        continue
      result[f'magnet - {other}, {words}'] = difference
  return result


def as_json(found: Sequence[Record], model: Model) -> dict[str, Any]:
  """Rows of all methods, what benchmarks report, the paired differences."""
  rows = summary.summarise(found, unscored=model.classes.unscored)
  return {
    **tables.json_rows(rows),
    'figures': records.to_json(figures.of_records(found, model.classes)),
    'differences': {
      name: difference._asdict()
      for name, difference in differences(found).items()
    },
  }


def as_text(
  found: Sequence[Record], model: Model, *, every: bool = False
) -> str:
  """The table for the terminal; `every` adds what benchmarks report."""
  rows = summary.summarise(found, unscored=model.classes.unscored)
  text = tables.table_text(rows, differences(found))
  if every:
    more = figures.of_records(found, model.classes)
    text = f'{text}\n\n{tables.figures_text(more)}'
  return text
