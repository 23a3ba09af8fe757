"""Throws the malformed inputs of experiments/fuzz at the commands, in here."""

import fuzz_case
import fuzz_draw
import fuzz_files
from fuzz_groups import GROUPS
import fuzz_run
import fuzz_seeds
import pytest

_SEED = 1  # the same cases every time


@pytest.fixture(scope='session')
def seeds(tmp_path_factory):
  """The folder of the valid files, and their content."""
  folder = fuzz_seeds.write(tmp_path_factory.mktemp('seeds'))
  return folder, fuzz_files.read(folder)


@pytest.fixture
def thrown(seeds, loose_types, tmp_path):
  """Fails for the first of so many cases that does not end as promised."""
  folder, content = seeds

  def run(group: str, count: int) -> None:
    strategy = GROUPS[group][0](content)
    for number, case in enumerate(fuzz_draw.draw(strategy, count, _SEED)):
      outcome = fuzz_run.run(case, tmp_path / str(number), folder)
      found = fuzz_case.faults(case, outcome)
      shown = (outcome.raised or outcome.err)[-2000:]
      assert not found, f'{found} of {case.argv!a}, {dict(case.env)}:\n{shown}'

  return run
