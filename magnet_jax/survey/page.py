"""The findings as a page, beside the sheet of pairs."""

from collections.abc import Sequence
import html

from magnet_jax.survey.findings import Finding, count

_STYLE = """
:root { color-scheme: light dark; }
body { max-width: 84rem; margin: 2rem auto; padding: 0 1.25rem;
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.7rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
pre { overflow-x: auto; font-size: .875rem; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .5rem .7rem; text-align: left; vertical-align: top;
  border-top: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
.error th { color: #c0392b; } .warning th { color: #b7791f; }
.note th, .quiet { font-weight: 400; opacity: .75; }
img { max-width: 100%; height: auto; }
"""


def html_page(
  name: str, summary: Sequence[str], findings: Sequence[Finding]
) -> str:
  """The page index.html; it shows pairs.jpg, which lies beside it.

  Args:
    name: of the folder.
    summary: lines of plain text.
    findings: in the order in which they are shown, with all their files.
  """
  title = f'What is in {html.escape(name)}'
  rows = '\n'.join(_row(each) for each in findings)
  return (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    f'<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n'
    f'<h1>{title}</h1>\n<pre>{html.escape(chr(10).join(summary))}</pre>\n'
    f'<h2>Findings</h2>\n<table><tbody>\n{rows}\n</tbody></table>\n'
    '<h2>Pairs</h2>\n<p class="quiet">Each image beside its label laid over '
    'it. Do they fit?</p>\n<a href="pairs.jpg">'
    '<img src="pairs.jpg" alt="images and labels"></a>\n</body>\n</html>\n'
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
