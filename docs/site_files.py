"""The files of the documentation's site: a hook of MkDocs.

The site has the folders of the repository, so that links between its pages hold
in both, and a reference that is made from the docstrings of all public names.
"""

import os
import pathlib
import posixpath
import re

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import magnet_jax

ROOT = pathlib.Path(__file__).parents[1]
_REFERENCE = 'docs/reference.md'
_PAGES = ('*.md', 'docs/*.md', 'experiments/**/*.md')
_LINK = re.compile(r'\]\(([^)\s#]+)')


def on_files(found: Files, config: MkDocsConfig) -> Files:
  """Replaces the files of docs/ by all pages, and what they link to."""
  pages = [path for each in _PAGES for path in sorted(ROOT.glob(each))]
  linked = {file for page in pages for file in _linked(page)}
  names = [path.relative_to(ROOT).as_posix() for path in pages]
  names += sorted(linked - {*names})
  files = [
    File(name, str(ROOT), config.site_dir, config.use_directory_urls)
    for name in names
  ]
  files.append(File.generated(config, _REFERENCE, content=_reference()))
  theme = [each for each in found if each.src_dir != config.docs_dir]
  return Files([*theme, *files])


def on_page_markdown(
  markdown: str, *, page: Page, config: MkDocsConfig, files: Files
) -> str:
  """Leads links to folders to their page."""
  del config
  here = posixpath.dirname(page.file.src_uri)

  def lead(found: re.Match[str]) -> str:
    target = posixpath.normpath(posixpath.join(here, found[1]))
    if files.get_file_from_path(f'{target}/README.md'):
      return f'{found[0]}/README.md'
    return found[0]

  return _LINK.sub(lead, markdown)


def _linked(page: pathlib.Path) -> set[str]:
  """Returns the files of the repository that a page links to."""
  found = set()
  for target in _LINK.findall(page.read_text()):
    path = pathlib.Path(os.path.normpath(page.parent / target))
    if path.is_file() and path.is_relative_to(ROOT) and path.suffix != '.md':
      found.add(path.relative_to(ROOT).as_posix())
  return found


def _reference() -> str:
  """Returns a page with a section for each public name."""
  lines = ['# Reference', '', 'All public names of `magnet_jax`.', '']
  for name in magnet_jax.__all__:
    what = getattr(magnet_jax, name)
    lines += [
      f'::: {what.__module__}.{what.__qualname__}',
      '    options:',
      f'      heading: {name}',
      '',
    ]
  return '\n'.join(lines)
