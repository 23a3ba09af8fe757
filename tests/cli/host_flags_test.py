import pytest

VARIABLES = ('JAX_COORDINATOR_ADDRESS', 'JAX_NUM_PROCESSES', 'JAX_PROCESS_ID')


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
  for name in VARIABLES:
    monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
  ('flags', 'said'),
  [
    (['--coordinator=here:1'], '--processes: is missing'),
    (['--process=1'], '--coordinator: is missing'),
    (['--processes=some'], '--processes=some'),
    (['--processes=2', '--process=2', '--coordinator=a:1'], 'below the 2'),
    (['--processes=2', '--process=1', '--coordinator=a'], 'HOST:PORT'),
    (['--devices=9'], '--devices=9: there are 4'),
  ],
)
def test_flags_that_do_not_fit_are_named(flags, said, fails, tmp_path):
  assert said in fails('segment', 'a.png', f'--out={tmp_path}', *flags)
  assert not list(tmp_path.iterdir())


def test_variables_stand_for_flags(fails, monkeypatch):
  monkeypatch.setenv('JAX_PROCESS_ID', '4')
  monkeypatch.setenv('JAX_NUM_PROCESSES', '2')
  line = fails('evaluate', '--coordinator=here:1')
  assert '--process=4' in line and 'below the 2' in line


@pytest.mark.parametrize('text', ['x', '-1', '²', '1.5', ' ', '9' * 5000])
def test_variables_that_are_no_numbers(text, fails, monkeypatch):
  for name in ('SLURM_STEP_NODELIST', 'SLURM_PROCID'):
    monkeypatch.setenv(name, '0')
  monkeypatch.setenv('SLURM_NTASKS', text)
  line = fails('evaluate')
  assert 'SLURM_NTASKS=' in line and 'must be a whole number of 1 to' in line
  monkeypatch.setenv('JAX_PROCESS_ID', text)
  assert 'JAX_PROCESS_ID=' in fails('evaluate')
