import pathlib

import pytest

from magnet_jax import parallel
from magnet_jax.predict import fetching
from magnet_jax.types import InputError


class Told:
  """Progress callbacks that keep the remarks."""

  def __init__(self):
    self.lines = []

  def remarks(self, line):
    self.lines.append(line)


class Elsewhere:
  """An origin that counts how often it is copied, or raises."""

  def __init__(self, error=None):
    self.error, self.count = error, 0

  def __str__(self):
    return 'there'

  def fetch(self, path, progress):
    self.count += 1
    if self.error:
      raise self.error
    new = not path.exists()
    path.touch()
    return new


def test_a_bad_one_does_not_stop_others(tmp_path):
  good, bad, bug = (
    Elsewhere(),
    Elsewhere(InputError('there: is bad; mend it')),
    Elsewhere(KeyError('x')),
  )
  a, b, c, d = (tmp_path / name for name in 'abcd')
  told = Told()
  paths, lines = fetching.fetch({a: None, b: bad, c: good, d: bug}, told)
  assert paths == [a, c]
  assert lines[0] == 'there: is bad; mend it'
  assert lines[1].startswith('there: cannot be processed (KeyError')
  assert told.lines == [f'there: fetched, {c}']
  assert fetching.fetch({c: good}, told) == ([c], [])
  assert told.lines[1] == f'there: is there already, {c}'


def test_nothing_is_elsewhere():
  path = pathlib.Path('none.png')
  assert fetching.fetch({path: None}, Told()) == ([path], [])


@pytest.mark.parametrize('shared', [True, False])
def test_each_process_takes_its_share(tmp_path, monkeypatch, shared):
  """The second of two, whose disk the first shares or does not."""
  origins = {tmp_path / str(n): Elsewhere() for n in range(4)}
  paths = [*origins]
  rounds = []

  def gather(failed):
    rounds.append([*failed])
    if shared:
      paths[2].touch()  # by the first, which fails to fetch the other
    return [{str(paths[0]): 'a: is bad; mend it'}, failed]

  monkeypatch.setattr(parallel, 'gather', gather)
  monkeypatch.setattr(parallel, 'process', lambda: 1)
  monkeypatch.setattr(parallel, 'processes', lambda: 2)
  found, lines = fetching.fetch(origins, Told())
  assert found == paths[1:]
  assert lines == ['a: is bad; mend it']
  counts = [each.count for each in origins.values()]
  assert counts == [0, 1, 0 if shared else 1, 1]
  assert len(rounds) == 2
