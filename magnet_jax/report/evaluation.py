"""What `magnet-jax evaluate` leaves to look at beside its records."""

from collections.abc import Sequence
import pathlib

from magnet_jax.evaluate import comparison
from magnet_jax.evaluate.comparison import Load
from magnet_jax.evaluate.kept_records import Record
from magnet_jax.files import images, records
from magnet_jax.predict import gallery, panel
from magnet_jax.predict.model import Model
from magnet_jax.report import overview, runs, views
from magnet_jax.types import InputError


def write_report(
  folder: pathlib.Path,
  model: Model,
  found: Sequence[Record],
  loads: Sequence[Load],
) -> str:
  """Writes summary.json, views and panels of some images, and report.html.

  Args:
    folder: of the run; has its records.
    model: the networks.
    found: the records to tabulate.
    loads: read the images that are shown; the bad ones are left out.

  Returns:
    A sentence on images that the folder has records of, but `found` has not;
    empty if there are none.
  """
  records.write_json(folder / 'summary.json', comparison.as_json(found, model))
  cascade = model.cascade()
  views.clear(folder)
  for old in folder.glob('panel_*.png'):  # of a report of more images
    old.unlink()
  for number, load in enumerate(loads):
    try:
      sample = load()
    except InputError:  # named with the results already
      continue
    columns = gallery.views(model, cascade, sample.image)
    views.write(folder, number, sample, columns)
    picture = panel.panel(
      sample.image, columns, model.classes, truth=sample.label
    )
    images.write_image(folder / f'panel_{number}.png', picture)
  kept = runs.find([folder], model.classes)
  shown = kept.only({record['image'] for record in found})
  note = ''
  if more := len(kept.images - shown.images):
    note = (
      f'{folder} has records of {more} more image{"s" * (more > 1)}, left out '
      f'here; magnet-jax report {folder} shows all.'
    )
  overview.write(shown, folder / 'report.html', 'magnet-jax evaluate', note)
  return note
