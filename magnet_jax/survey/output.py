"""The files that `magnet-jax init` writes, and what it prints."""

from collections.abc import Mapping, Sequence
import pathlib
from typing import Any

import numpy as np

from magnet_jax.data import class_files, reading
from magnet_jax.files import atomic, images, records
from magnet_jax.survey import config_text, layout, lists, page, proposal, sheet
from magnet_jax.survey.findings import count, ordered
from magnet_jax.survey.survey import Survey
from magnet_jax.types import Size

SPLITS = ('train', 'val', 'test')


def write(survey: Survey, out: pathlib.Path) -> list[str]:
  """Writes config.py, lists, classes.json, findings.json and index.html.

  Args:
    survey: what was found.
    out: the folder, which exists; files of the same names are replaced.

  Returns:
    Lines to print.

  Raises:
    InputError: the system refuses to write; then nothing is.
  """
  settings = reading.from_settings(survey.reading)
  rows = survey.of_split('train')
  sizes = [survey.looks[i].shown_size(settings.turn) for i in rows]
  proposed = proposal.propose(sizes, survey.pixels[rows, :-1].sum(0))
  name = survey.folder.resolve().name
  numbers = {name: len(survey.of_split(name)) for name in SPLITS}
  config = config_text.write(
    proposed,
    name=_safe(name),
    splits=numbers,
    reading=survey.reading,
    classes=len(survey.table),
    median=_median(sizes),
  )
  lines = _summary(survey, proposed)
  findings = ordered(survey.findings)
  texts = {f'{name}.txt': _list(survey, name, out) for name in SPLITS}
  texts[config_text.NAME] = config
  texts['index.html'] = page.html_page(name, lines, findings)
  with atomic.together(out) as folder:
    class_files.write(folder / 'classes.json', survey.table)
    records.write_json(folder / 'findings.json', as_json(survey, proposed))
    images.write_image(folder / layout.SHEET, sheet.draw(survey, settings))
    for file, text in texts.items():
      atomic.write_bytes(folder / file, text.encode())
  for each in findings:
    lines += each.lines()
  return lines


def _list(survey: Survey, split: str, out: pathlib.Path) -> str:
  """`image<TAB>label` lines, relative to the folder of the list."""
  pairs = [survey.looks[index].pair for index in survey.of_split(split)]
  lines = [lists.line(pair, out) for pair in pairs]
  return '\n'.join(['# image<TAB>label, relative to this folder', *lines, ''])


def _safe(name: str) -> str:
  """A folder's name as it may stand in a docstring."""
  return ''.join(
    c if c.isprintable() and c not in '"\\\\' else '_' for c in name
  )


def _median(sizes: Sequence[Size]) -> str:
  height, width = np.median(np.array(sizes), axis=0)
  return f'{width:.0f}x{height:.0f} (width x height)'


def as_json(survey: Survey, proposed: proposal.Proposal) -> dict[str, Any]:
  """All that was found and proposed."""
  pixels = survey.pixels.sum(0)
  return {
    'pairs': len(survey.looks),
    'splits': {name: len(survey.of_split(name)) for name in SPLITS},
    'sizes': _sizes(survey),
    'classes': [
      {
        'name': name,
        'pixels': int(pixels[i]),
        'images': _images(survey, i),
        'weight': proposed.weights[i],
      }
      for i, name in enumerate(survey.table.names)
    ],
    'ignored_pixels': int(pixels[-1]),
    'reading': survey.reading,
    'proposal': vars(proposed),
    'findings': [vars(each) for each in ordered(survey.findings)],
  }


def _images(survey: Survey, index: int) -> int:
  return int((survey.pixels[:, index] > 0).sum())


def _sizes(survey: Survey) -> Mapping[str, int]:
  """Number of images by 'width x height', the most frequent first."""
  found: dict[str, int] = {}
  for look in survey.looks:
    name = f'{look.size[1]}x{look.size[0]}'
    found[name] = found.get(name, 0) + 1
  return dict(sorted(found.items(), key=lambda item: -item[1]))


def _summary(survey: Survey, proposed: proposal.Proposal) -> list[str]:
  sizes = [f'{n} of {size}' for size, n in _sizes(survey).items()]
  more = f', {len(sizes) - 4} other sizes' if len(sizes) > 4 else ''
  counts = ', '.join(f'{n} {len(survey.of_split(n))}' for n in SPLITS)
  return [
    f'{count(len(survey.looks), "pair")} of image and label: {counts}',
    f'images (width x height): {", ".join(sizes[:4])}{more}',
    *_table(survey, proposed),
    'stages (width x height): '
    + ' -> '.join(f'{w}x{h}' for h, w in proposed.stages),
  ]


def _table(survey: Survey, proposed: proposal.Proposal) -> list[str]:
  pixels = survey.pixels.sum(0)
  whole = max(int(pixels.sum()), 1)
  wide = max(len(name) for name in (*survey.table.names, 'ignored'))
  lines = [f'{"class":{wide}}   pixels %  images  weight']
  for index, name in enumerate(survey.table.names):
    lines.append(
      f'{name:{wide}} {100 * pixels[index] / whole:10.3f} '
      f'{_images(survey, index):7d} {proposed.weights[index]:7.2f}'
    )
  if pixels[-1]:
    rows = _images(survey, len(survey.table))
    share = 100 * pixels[-1] / whole
    lines.append(f'{"ignored":{wide}} {share:10.3f} {rows:7d}')
  return lines
