"""The configs of an installed wheel, and those of init, can be loaded."""

import email
import pathlib
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

import magnet_jax

ROOT = pathlib.Path(__file__).parents[1]
_PARTS = ('setup.cfg', 'pyproject.toml', 'docs/package.md', 'LICENSE')
_BUILD = """
from setuptools import build_meta
build_meta.build_wheel('dist')
"""
# What someone does whose own settings lie in a package `configs`.
_USE = """
import configs, pathlib
import magnet_jax, numpy as np
from magnet_jax.cli import config_file
from magnet_jax.survey import config_text, proposal
assert configs.OWN
site = pathlib.Path('site').resolve()
assert pathlib.Path(magnet_jax.__file__).is_relative_to(site)
text = config_text.write(
  proposal.propose([(90, 90)], np.array([5, 1])),
  name='mine', splits={}, reading={}, num_classes=2, median='90x90',
)
pathlib.Path('mine.py').write_text(text)
for name in [*config_file.shipped(), 'mine.py']:
  config_file.override(config_file.load(name), ['--config.seed=7'])
  print(name)
"""


def _python(code: str, folder: pathlib.Path, site: str = '') -> str:
  done = subprocess.run(
    [sys.executable, '-c', code],
    cwd=folder,
    env={'PYTHONPATH': site, 'PATH': '', 'JAX_PLATFORMS': 'cpu'},
    capture_output=True,
    text=True,
    check=False,
  )
  assert done.returncode == 0, done.stderr
  return done.stdout


@pytest.fixture(scope='module')
def wheel(tmp_path_factory) -> pathlib.Path:
  """A wheel built from a copy, as building leaves files behind."""
  pytest.importorskip('setuptools', '68')
  folder = tmp_path_factory.mktemp('source')
  (folder / 'docs').mkdir()
  for name in _PARTS:
    shutil.copy(ROOT / name, folder / name)
  for name in ('configs', 'magnet_jax'):
    ignored = shutil.ignore_patterns('__pycache__')
    shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
  _python(_BUILD, folder)
  (found,) = (folder / 'dist').glob('*.whl')
  return found


def test_it_holds_one_package_with_the_configs_and_all_data_files(wheel):
  with zipfile.ZipFile(wheel) as archive:
    names = set(archive.namelist())
  tops = {name.partition('/')[0] for name in names}
  assert {top for top in tops if not top.endswith('.dist-info')} == {
    'magnet_jax'
  }
  files = {
    str(path.relative_to(ROOT))
    for path in (ROOT / 'magnet_jax').rglob('*')
    if path.is_file() and '__pycache__' not in path.parts
  } | {
    f'magnet_jax/configs/{path.name}'
    for path in (ROOT / 'configs').iterdir()
    if path.is_file()
  }
  assert {name for name in names if name.startswith('magnet_jax/')} == files


def test_its_page_stands_alone_and_its_version_is_that_of_the_package(wheel):
  with zipfile.ZipFile(wheel) as archive:
    (name,) = (n for n in archive.namelist() if n.endswith('/METADATA'))
    found = email.message_from_bytes(archive.read(name))
  assert found['Version'] == magnet_jax.__version__
  citation = (ROOT / 'CITATION.cff').read_text()
  assert f'\nversion: {found["Version"]}\n' in citation
  assert f'## {found["Version"]} ' in (ROOT / 'CHANGELOG.md').read_text()
  assert found['Author'] and found['Project-URL']
  # Not by a classifier, of which setuptools warns that it will refuse it.
  assert found['License'] == 'Apache-2.0' and found['License-File']
  page = found.get_payload()
  links = re.findall(r'\]\(([^)]*)\)', page)
  assert page.startswith('# magnet_jax') and links
  assert all(link.startswith('https://') for link in links)


def test_configs_load_beside_a_package_configs_of_ones_own(wheel, tmp_path):
  with zipfile.ZipFile(wheel) as archive:
    archive.extractall(tmp_path / 'site')
  (tmp_path / 'configs').mkdir()
  (tmp_path / 'configs' / '__init__.py').write_text('OWN = True\n')
  loaded = _python(_USE, tmp_path, str(tmp_path / 'site')).split()
  shipped = {
    path.stem for path in (ROOT / 'configs').glob('*.py') if path.stem[0] != '_'
  }
  assert set(loaded) == {*shipped, 'mine.py'}
