"""The documentation is right: its code runs, its commands and links exist.

The Python blocks of a page run one after the other as one program, in an empty
folder with the few files that they name. Commands are only parsed, with their
real flags.
"""

import importlib
import importlib.util
import json
import pathlib
import re
import shlex

import pytest

from magnet_jax.cli import command_line, config_file, main
from magnet_jax.data import class_files
from magnet_jax.files import embedded, images
from magnet_jax.scenes import generator

ROOT = pathlib.Path(__file__).parents[1]
PAGES = {
  str(path.relative_to(ROOT)): path.read_text()
  for path in [ROOT / 'README.md', *sorted((ROOT / 'docs').glob('*.md'))]
}
STUDIES = [
  str(path.relative_to(ROOT))
  for path in sorted((ROOT / 'experiments').rglob('README.md'))
]
_FENCE = re.compile(r'^```(\w*)\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_CODE = re.compile(r'`([^`]+)`')
_KINDS = ('python', 'bash', 'json', 'text')
# Flags of other programs that prose and commands may name.
_FOREIGN = ('--help', '--version')
PICTURED = ('method', 'methods', 'qgis')
_FOLDERS = ('configs/', 'magnet_jax/', 'experiments/', 'tests/', 'docs/')


def _blocks(text, kind):
  return [body for found, body in _FENCE.findall(text) if found == kind]


def _prose(text):
  return _FENCE.sub('', text)


def _commands(script):
  """The arguments of each magnet-jax in a script, without its name."""
  for line in script.replace('\\\n', ' ').splitlines():
    for part in re.split(r'&&|;|\||&$', line.split(' #')[0]):
      words = shlex.split(part, comments=True)
      nested = [word for word in words if word.startswith('magnet-jax ')]
      for inner in nested:
        yield from _commands(inner)
      if 'magnet-jax' in words:
        yield words[words.index('magnet-jax') + 1 :]


def _inline(text):
  """The text between backticks in the prose, each in one line."""
  return [' '.join(word.split()) for word in _CODE.findall(_prose(text))]


def _all_commands(text):
  for block in _blocks(text, 'bash'):
    yield from _commands(block)
  for word in _inline(text):
    if re.match(r'magnet-jax [a-z]', word) and '…' not in word:
      yield from _commands(word)


COMMANDS = [
  pytest.param(argv, id=f'{page}: {" ".join(argv)}'[:120])
  for page, text in PAGES.items()
  for argv in _all_commands(text)
]


def _check(argv):
  """Raises InputError for an unknown flag or setting."""
  name, *rest = argv
  if name in _FOREIGN:
    return
  assert name in main.COMMANDS, f'{name}: unknown command'
  command = importlib.import_module(f'magnet_jax.cli.{name}')
  # None means that help was requested.
  arguments = command_line.parse(name, command, rest)
  if arguments is None or 'config' not in arguments.flags:
    return
  config = arguments.flags.config or 'default'
  # A file of the reader's own need not exist; those of the repository must.
  own = config.endswith('.py') and not config.startswith('configs/')
  path = str(ROOT / config) if config.startswith('configs/') else config
  settings = config_file.load('default' if own else path)
  config_file.override(settings, arguments.overrides)


@pytest.mark.parametrize('argv', COMMANDS)
def test_a_command(argv):
  _check(argv)


@pytest.fixture
def folder(tmp_path, monkeypatch):
  """A folder with the image that the pages name."""
  monkeypatch.chdir(tmp_path)
  sample = generator.generate(0, (300, 280))
  images.write_image('aerial.jpg', sample.image)
  # The other model takes five times as long to compile.
  small = embedded.file('scenes')
  monkeypatch.setattr(embedded, 'file', lambda name: small)


@pytest.mark.parametrize(
  'page', [page for page, text in PAGES.items() if _blocks(text, 'python')]
)
@pytest.mark.usefixtures('folder')
def test_the_code_of_a_page(page):
  namespace = {'__name__': 'page'}
  for number, block in enumerate(_blocks(PAGES[page], 'python'), start=1):
    if 'import torch' in block and not importlib.util.find_spec('torch'):
      continue
    code = compile(block, f'{page}, block {number}', 'exec')
    exec(code, namespace)


@pytest.mark.parametrize('page', PAGES)
def test_every_block_says_what_it_is(page):
  kinds = {kind for kind, _ in _FENCE.findall(PAGES[page])}
  assert kinds <= set(_KINDS), 'code that is not tested: name its language'
  assert not re.search(r'\n\n    \S', _prose(PAGES[page])), 'use a fence'


@pytest.mark.parametrize('page', PAGES)
def test_class_files_can_be_read(page):
  for block in _blocks(PAGES[page], 'json'):
    assert len(class_files.from_json(json.loads(block)))


@pytest.mark.parametrize('page', [*PAGES, *STUDIES])
def test_links_lead_somewhere(page):
  here = (ROOT / page).parent
  text = (ROOT / page).read_text()
  targets = re.findall(r'\]\(([^)\s]+)\)', _prose(text))
  for target in targets:
    if target.startswith(('http://', 'https://')):
      continue
    path, _, anchor = target.partition('#')
    file = here / path if path else ROOT / page
    assert file.exists(), target
    assert file.resolve().is_relative_to(ROOT), target
    assert not anchor or anchor in _anchors(file), target


def _anchors(file):
  """The anchors of a page's headings, as GitHub makes them."""
  titles = re.findall(r'^#+ (.*)$', _prose(file.read_text()), re.MULTILINE)
  plain = (re.sub(r'[^\w\- ]', '', title.lower()) for title in titles)
  return {title.strip().replace(' ', '-') for title in plain}


@pytest.mark.parametrize('page', PAGES)
def test_files_and_flags_in_the_prose(page):
  known = _flags()
  for word in _inline(PAGES[page]):
    if word.startswith(_FOLDERS) and not re.search(r'[*{…A-Z ]', word):
      assert (ROOT / word.partition(':')[0]).exists(), word
    for flag in re.findall(r'(?<!\S)--([a-z][\w-]*)', word):
      name = flag.replace('-', '_').removeprefix('no_')
      assert name in known or f'--{flag}' in _FOREIGN, word
    if word.startswith('--config.'):
      config_file.override(
        config_file.load('default'), [word] if '=' in word else []
      )


def _flags():
  """Names of the flags of all commands."""
  from absl import flags

  names = {'config'}
  for name in main.COMMANDS:
    values = flags.FlagValues()
    importlib.import_module(f'magnet_jax.cli.{name}').define(values)
    names |= set(values)
  return names


@pytest.mark.parametrize(
  'script',
  [
    'magnet-jax evaluate --fsat=.5',
    'magnet-jax train --config=no_such_one --workdir=a',
    'magnet-jax train --config=tiny --config.train.segmenter.stepps=3',
    'srun magnet-jax train --batch=3',
    'cd a && magnet-jax evaluate \\\n  --fast_windows=.5 --limit=none &',
  ],
)
def test_the_check_finds_mistakes(script):
  (argv,) = _commands(script)
  with pytest.raises(ValueError):
    _check(argv)


def test_every_page_is_linked_from_the_first():
  for page in PAGES:
    assert page == 'README.md' or f']({page})' in PAGES['README.md'], page


def test_pictures_stay_small():
  folder = ROOT / 'docs'
  files = [file for file in (folder / 'pictures').rglob('*') if file.is_file()]
  assert sum(file.stat().st_size for file in files) < 1_500_000
  shown = ''.join(PAGES[f'docs/{page}.md'] for page in PICTURED)
  for file in files:
    assert f']({file.relative_to(folder).as_posix()})' in shown, file.name


def test_the_first_page_stays_short():
  assert len(PAGES['README.md'].splitlines()) < 220
