"""The pages as HTML: one to drop images into, and one for each image."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
import json

from magnet_jax.evaluate import tables
from magnet_jax.methods import table
from magnet_jax.report import page_parts as parts
from magnet_jax.report import viewer
from magnet_jax.serve import kept
from magnet_jax.serve.kept import Kept
from magnet_jax.serve.worker import Worker

TYPES = {'.png': 'image/png', '.jpg': 'image/jpeg'}
_BUDGET = 200_000_000  # bytes of the layers; they need not travel far
_FIRST = 'magnet'


def start(worker: Worker) -> str:
  """Returns the page to drop images into, with those that were."""
  rows = [
    f'<th scope="row"><a href="/images/{image.number}">'
    f'{parts.escaped(image.name)}</a></th>'
    f'<td>{image.size[1]} x {image.size[0]}</td>'
    f'<td>{_titles(image)}</td>'
    for image in reversed(kept.read(worker.folder))
  ]
  earlier = parts.table(['image', 'pixels', 'methods'], rows) if rows else ''
  classes = ', '.join(worker.model.classes.names)
  content = _asset('start.html')
  for mark, text in {
    'classes': parts.escaped(classes),
    'first': _first(worker),
    'earlier': f'<h2>Earlier images</h2>{earlier}' if rows else '',
  }.items():
    content = content.replace(f'{{{mark}}}', text)
  return _page('magnet-jax', content)


def image(worker: Worker, number: int) -> str:
  """Returns the page of an image.

  Raises:
    InputError: there is no such image, or its files are damaged.
  """
  # Before its results are read: what ends in between, the page asks for again.
  finished = worker.state(number).finished
  found = worker.find(number)
  views = [(view.name, view) for view in found.views()]
  shown = viewer.section(views, worker.model.classes, _BUDGET)
  content = _asset('image.html')
  for mark, text in {
    'name': parts.escaped(found.name),
    'size': f'{found.size[1]} x {found.size[0]} pixels',
    'finished': str(finished),
    'unlike': _unlike(found),
    'methods': _methods(worker),
    'results': _results(found),
    'viewer': shown,
  }.items():
    content = content.replace(f'{{{mark}}}', text)
  return _page(f'{found.name} - magnet-jax', content)


def _unlike(found: Kept) -> str:
  if not found.unlike:
    return ''
  return f'<p class="unlike">{parts.escaped(found.unlike)}</p>'


def _titles(image: Kept) -> str:
  return parts.escaped(', '.join(each.title for each in image.done) or 'none')


def _first(worker: Worker) -> str:
  """The method that a new image is segmented by at once."""
  names = table.possible(worker.model)
  return _FIRST if _FIRST in names else names[-1]


def _methods(worker: Worker) -> str:
  """The choices of the method, each with the settings that it has."""
  found = []
  for name in table.possible(worker.model):
    row = table.METHODS[name]
    own = json.dumps([s for s in row.settings if s in ('windows', 'scale')])
    chosen = ' selected' if name == 'magnet-fast' else ''
    found.append(
      f'<option value="{name}"{chosen} data-about="{parts.escaped(row.about)}"'
      f' data-settings="{parts.escaped(own)}">{name}</option>'
    )
  return '\n'.join(found)


def _results(found: Kept) -> str:
  rows = [
    f'<th scope="row">{parts.escaped(each.title)}</th>'
    f'<td>{each.windows}</td><td>{tables.amount(each.seconds)}</td><td>'
    + ', '.join(
      f'<a download href="/images/{found.number}/files/{name}">{words}</a>'
      for words, name in (('label', each.label), ('overlay', each.overlay))
    )
    + '</td>'
    for each in found.done
  ]
  heads = ['method', 'windows', 'seconds', 'files']
  return parts.table(heads, rows) if rows else ''


def _page(title: str, content: str) -> str:
  styles: Sequence[str] = (
    viewer.asset('page.css'),
    viewer.asset('viewer.css'),
    _asset('serve.css'),
  )
  return (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<link rel="icon" href="data:,">\n'
    f'<title>{parts.escaped(title)}</title>\n<style>{"".join(styles)}</style>\n'
    f'</head>\n<body>\n<main>\n{content}\n</main>\n'
    f'<script>{_asset("serve.js")}</script>\n</body>\n</html>\n'
  )


def _asset(name: str) -> str:
  return resources.files(__package__).joinpath(name).read_text()
