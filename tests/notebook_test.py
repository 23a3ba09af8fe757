"""Notebooks run from top to bottom, in a kernel of their own, and stay small.

The kernel is another process, where pytest's filters do not reach: a warning
is an error here because its cell writes to stderr.
"""

import json
import pathlib

from nbmake import nb_run
import pytest

FOLDER = pathlib.Path(__file__).parents[1] / 'experiments'
NOTEBOOKS = {
  str(path.relative_to(FOLDER)): path
  for path in sorted(FOLDER.rglob('*.ipynb'))
  if '.ipynb_checkpoints' not in path.parts
}


def _run(path):
  return nb_run.NotebookRun(path, default_timeout=600).execute()


def _fault(result):
  """What went wrong first, with its cell; None if nothing did."""
  if result.error is not None:
    error = result.error
    return f'cell {error.failing_cell_index}: {error.summary}\n{error.trace}'
  for number, cell in enumerate(result.nb.cells):
    for output in cell.get('outputs', ()):
      if output.get('name') == 'stderr':
        return (
          f'cell {number} writes to stderr:\n{cell["source"]}\n{output["text"]}'
        )
  return None


def test_there_are_notebooks():
  assert NOTEBOOKS


@pytest.fixture
def one_device(monkeypatch):
  """For the kernel: four, as tests have, take twice as long to compile for."""
  monkeypatch.setenv('XLA_FLAGS', '--xla_backend_optimization_level=0')


@pytest.mark.parametrize('name', NOTEBOOKS)
@pytest.mark.usefixtures('one_device')
def test_a_notebook_runs(name):
  fault = _fault(_run(NOTEBOOKS[name]))
  if fault:
    pytest.fail(f'{name}: {fault}', pytrace=False)


@pytest.mark.parametrize('name', NOTEBOOKS)
def test_what_is_kept_of_a_notebook(name):
  """Its outputs are there to look at, whole, and no larger than need be."""
  text = NOTEBOOKS[name].read_text()
  assert len(text) < 300_000
  cells = [c for c in json.loads(text)['cells'] if c['cell_type'] == 'code']
  counts = [cell['execution_count'] for cell in cells]
  assert counts == list(range(1, len(cells) + 1)), 'run all cells, then save'
  kinds = {o['output_type'] for cell in cells for o in cell['outputs']}
  assert kinds <= {'execute_result', 'display_data'}


def test_a_fault_names_its_cell(tmp_path):
  sources = 'x = 1', 'import warnings\nwarnings.warn("old")', '1 / 0'
  cells = [
    {
      'cell_type': 'code',
      'id': f'c{n}',
      'execution_count': None,
      'metadata': {},
      'outputs': [],
      'source': text,
    }
    for n, text in enumerate(sources)
  ]
  kernel = {'name': 'python3', 'display_name': 'Python 3', 'language': 'python'}
  path = tmp_path / 'bad.ipynb'
  path.write_text(
    json.dumps(
      {
        'cells': cells,
        'metadata': {'kernelspec': kernel},
        'nbformat': 4,
        'nbformat_minor': 5,
      }
    )
  )
  result = _run(path)
  fault = _fault(result)
  assert fault.startswith('cell 2: ')
  assert 'ZeroDivisionError' in fault
  result.error = None
  fault = _fault(result)
  assert fault.startswith('cell 1 writes to stderr')
  assert 'UserWarning: old' in fault
