"""Pictures and report of `magnet-jax evaluate`, beside its records."""

from collections.abc import Sequence
import dataclasses
import pathlib

from magnet_jax.cascade.cascade import StageResult
from magnet_jax.evaluate import results
from magnet_jax.evaluate.record import Record
from magnet_jax.files import images, records
from magnet_jax.predict import gallery, panel
from magnet_jax.report import overview, runs, views
from magnet_jax.types import ClassTable, Sample


@dataclasses.dataclass(frozen=True)
class Pictures:
  """Writes the result of each method for the first images of a run.

  Every method has its layers in the viewer of the page; the stages of the
  reference are also drawn in a panel.

  Attributes:
    folder: of the run.
    classes: names and colours.
    count: number of images shown.
    reference: the method whose stages the panels show.
    panel: file name of a panel, with a place for the image's number.
  """

  folder: pathlib.Path
  classes: ClassTable
  count: int
  reference: str
  panel: str = 'panel_{}.png'

  def missing(self, index: int, method: str) -> bool:
    """Returns whether an image is shown, but not yet by this method."""
    if index >= self.count:
      return False
    drawn, of_panel = views.shown(self.folder, index)
    if method not in drawn:
      return True
    has_panel = of_panel == method and self._panel(index).exists()
    return method == self.reference and not has_panel

  def add(
    self,
    index: int,
    sample: Sample,
    method: str,
    results: Sequence[StageResult],
  ) -> None:
    """Writes the layers of a method, and the panel of the reference."""
    columns = [gallery.view(result) for result in results]
    if len(columns) == 1:  # its size as a title would not say what it is
      columns = [dataclasses.replace(columns[0], title=method)]
    is_reference = method == self.reference
    if is_reference:
      picture = panel.panel(
        sample.image, columns, self.classes, truth=sample.label
      )
      images.write_image(self._panel(index), picture)
    views.add(self.folder, index, sample, method, columns, panel=is_reference)

  def clear_further(self) -> None:
    """Removes pictures of further images, from a report that showed more."""
    views.clear(self.folder, self.count)
    for old in self.folder.glob('panel_*.png'):
      number = old.stem.removeprefix('panel_')
      if number.isdecimal() and int(number) >= self.count:
        old.unlink(missing_ok=True)

  def _panel(self, index: int) -> pathlib.Path:
    return self.folder / self.panel.format(index)


def write_report(
  folder: pathlib.Path,
  found: Sequence[Record],
  classes: ClassTable,
  reference: str,
  order: Sequence[str],
) -> str:
  """Writes summary.json and report.html.

  Args:
    folder: of the run; has its records and pictures.
    found: the records to tabulate.
    classes: names and colours.
    reference: the method that each other one is compared with.
    order: methods that come first; others follow in order of appearance.

  Returns:
    A sentence about images that the folder has records of, but `found` has
    not; empty if there are none.
  """
  content = results.as_json(found, classes, reference, order)
  records.write_json(folder / 'summary.json', content)
  kept = runs.find([folder], classes)
  shown = kept.only({record['image'] for record in found})
  note = ''
  if more := len(kept.images - shown.images):
    note = (
      f'{folder} has records of {more} more image{"s" * (more > 1)}, left out '
      f'here; magnet-jax report {folder} shows all.'
    )
  overview.write(shown, folder / 'report.html', 'magnet-jax evaluate', note)
  return note
