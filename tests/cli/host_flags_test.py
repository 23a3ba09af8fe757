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
