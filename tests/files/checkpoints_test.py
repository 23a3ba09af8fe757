"""Checkpoints: whole, kept and found again, or one clear error."""

import dataclasses
import pathlib
import signal
import subprocess
import sys
import time

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from magnet_jax.files import bundle, checkpoint_store, checkpoints
from magnet_jax.types import ClassTable, InputError, Meta

META = Meta(
  config={'plan': {'network': (8, 8)}},
  classes=ClassTable(('a', 'b'), ((1, 2, 3), (4, 5, 6))),
  kind='segmenter',
)


@flax.struct.dataclass
class _State:
  step: jax.Array
  variables: dict
  moments: optax.OptState
  average: dict


def _state(step=0, shape=(3, 2)):
  params = {'conv': {'kernel': jnp.full(shape, step, jnp.float32)}}
  variables = {'params': params, 'batch_stats': {'mean': jnp.ones((2,))}}
  return _State(
    step=jnp.asarray(step, jnp.int32),
    variables=variables,
    moments=optax.adam(0.1).init(params),
    average=jax.tree.map(lambda leaf: leaf + 0.5, variables),
  )


def _steps(folder):
  return sorted(int(e.name) for e in folder.iterdir() if e.name.isdigit())


def test_the_state_comes_back_in_its_types(tmp_path):
  state = _state(7)
  with checkpoint_store.CheckpointStore(tmp_path / 'a' / 'b') as store:
    assert store.latest_step() is None and store.best_step() is None
    store.save(7, state, META, {'miou': 0.5})
    back, meta = store.restore('latest', template=_state())
  plain, _ = checkpoint_store.read(tmp_path / 'a' / 'b' / '7')
  assert jax.tree.structure(back) == jax.tree.structure(state)
  for one, other in zip(
    jax.tree.leaves(back), jax.tree.leaves(state), strict=True
  ):
    assert type(one) is np.ndarray and one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)
  assert (meta.config, meta.classes) == (META.config, META.classes)
  assert 'magnet-jax' in meta.versions and 'jax' in meta.versions
  assert plain['moments']['0']['count'] == 0
  with checkpoint_store.CheckpointStore(tmp_path / 'a' / 'b') as store:
    shapes = jax.eval_shape(_state)
    assert store.restore(template=shapes)[0].step == 7


def test_the_newest_and_the_best_are_kept(tmp_path, capfd):
  scores = {1: 0.1, 2: 0.9, 3: 0.2, 4: None, 5: float('nan'), 6: 0.3}
  for step, score in scores.items():
    # Opened anew each time, as after a resume.
    with checkpoint_store.CheckpointStore(tmp_path) as store:
      store.save(
        step, _state(step), META, None if score is None else {'miou': score}
      )
  assert _steps(tmp_path) == [2, 5, 6]
  with checkpoint_store.CheckpointStore(tmp_path) as store:
    assert (store.best_step(), store.latest_step()) == (2, 6)
    assert store.restore('best', template=_state())[0].step == 2
    assert store.restore('latest', template=_state())[0].step == 6
    for step in (7, 8, 9):
      store.save(step, _state(step), META, {'miou': step / 9.5})
    assert store.best_step() == 9
  assert _steps(tmp_path) == [8, 9]
  assert capfd.readouterr().err == ''


def test_without_the_metric_none_is_best(tmp_path):
  with checkpoint_store.CheckpointStore(tmp_path, keep_latest=1) as store:
    store.save(1, _state(1), META)
    store.save(2, _state(2), META, {'loss': 1.0})
    assert _steps(tmp_path) == [2] or _steps(tmp_path) == [1, 2]
    assert store.best_step() is None
    with pytest.raises(InputError, match=r'no checkpoint best.*\[.*2\]'):
      store.restore('best', template=_state())


def test_saving_a_step_again_changes_nothing(tmp_path):
  with checkpoint_store.CheckpointStore(tmp_path) as store:
    store.save(1, _state(1), META)
    store.save(1, _state(2), META)
    assert store.restore(1, template=_state())[0].step == 1


def test_what_does_not_fit_is_named(tmp_path):
  with checkpoint_store.CheckpointStore(tmp_path) as store:
    with pytest.raises(InputError, match='the steps there are none'):
      store.restore(template=_state())
    store.save(1, _state(1), META)
    with pytest.raises(
      InputError,
      match=r'1: average/params/conv/kernel is float32\[3, 2\], but '
      r'float32\[5, 2\]',
    ):
      store.restore(template=_state(shape=(5, 2)))
    with pytest.raises(InputError, match=r'a is missing'):
      store.restore(template={'a': np.zeros(3)})
    with pytest.raises(InputError, match='no checkpoint 3'):
      store.restore(3, template=_state())


def test_a_damaged_checkpoint_is_named(tmp_path):
  with checkpoint_store.CheckpointStore(tmp_path) as store:
    store.save(1, _state(1), META)
  for file in (tmp_path / '1' / 'state').rglob('*'):
    if file.is_file():
      file.write_bytes(b'xx')
  with pytest.raises(InputError, match='1: checkpoint cannot be read') as bad:
    checkpoints.load(tmp_path)
  assert '\n' not in str(bad.value)


def test_bad_places(tmp_path):
  (tmp_path / 'file').write_bytes(b'x')
  with pytest.raises(InputError, match='is a file where a folder is needed'):
    checkpoint_store.CheckpointStore(tmp_path / 'file')
  with pytest.raises(InputError, match='keep_latest 0'):
    checkpoint_store.CheckpointStore(tmp_path / 'a', keep_latest=0)
  with pytest.raises(InputError, match='no such file'):
    checkpoints.load(tmp_path / 'none')
  with pytest.raises(InputError, match=r'holds no checkpoint, but file'):
    checkpoints.load(tmp_path)
  with pytest.raises(InputError, match='not a model file'):
    checkpoints.load(tmp_path / 'file')
  (tmp_path / 'empty').mkdir()
  with pytest.raises(InputError, match='but nothing'):
    checkpoints.load(tmp_path / 'empty')


def test_a_relative_folder(tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  with checkpoint_store.CheckpointStore('runs/a') as store:
    store.save(1, _state(1), META)
    assert store.restore(template=_state())[0].step == 1
  assert checkpoints.load('runs/a')[1].kind == 'segmenter'


def _kernel(variables, kind):
  return float(variables[kind]['params']['conv']['kernel'][0, 0])


def test_load_finds_the_best_from_every_level(tmp_path):
  for kind, best in (('segmenter', 1), ('refiner', 2)):
    tones = {'brightness': (float(best),)}
    meta = dataclasses.replace(META, kind=kind, tones=tones)
    store = checkpoint_store.CheckpointStore(tmp_path / kind / 'checkpoints')
    with store:
      for step in (1, 2, 3):
        store.save(step, _state(step), meta, {'miou': float(step == best)})
  variables, meta = checkpoints.load(tmp_path)
  # The averaged variables: half a unit above the others.
  assert _kernel(variables, 'segmenter') == 1.5
  assert _kernel(variables, 'refiner') == 2.5
  assert meta.kind == 'refiner'
  assert meta.tones == {'brightness': (1.0,)}  # the segmenter's
  for path in (
    tmp_path / 'refiner',
    tmp_path / 'refiner' / 'checkpoints',
    tmp_path / 'refiner' / 'checkpoints' / '2',
  ):
    variables, meta = checkpoints.load(path)
    assert list(variables) == ['refiner']
    assert _kernel(variables, 'refiner') == 2.5
  variables, _ = checkpoints.load(
    str(tmp_path / 'refiner' / 'checkpoints' / '3')
  )
  assert _kernel(variables, 'refiner') == 3.5
  bundle.export(tmp_path / 'model.npz', variables, META)
  exported, meta = checkpoints.load(tmp_path / 'model.npz')
  assert _kernel(exported, 'refiner') == 3.5 and meta.kind == 'segmenter'


def test_loading_leaves_alone_what_training_is_writing(tmp_path):
  with checkpoint_store.CheckpointStore(tmp_path) as store:
    store.save(1, _state(1), META)
  partial = tmp_path / '2.orbax-checkpoint-tmp'
  partial.mkdir()
  checkpoints.load(tmp_path)
  assert partial.exists()
  checkpoint_store.CheckpointStore(tmp_path).close()
  assert not partial.exists()


def test_a_foreign_checkpoint_is_refused(tmp_path):
  with checkpoint_store.CheckpointStore(tmp_path) as store:
    store.save(1, {'weights': np.zeros(3)}, Meta())
  with pytest.raises(InputError, match='not a checkpoint of a network'):
    checkpoints.load(tmp_path)


# A real failure in the middle of a save: the system's limit on file sizes.
_LIMITED = """
import resource, sys
sys.dont_write_bytecode = True  # compiled modules would be cut off
import numpy as np
from magnet_jax.files import checkpoint_store
from magnet_jax.types import InputError, Meta
noise = np.random.default_rng(0).random(100_000)
with checkpoint_store.CheckpointStore(sys.argv[1]) as store:
  store.save(1, {'a': noise[:10]}, Meta())
  resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
  try:
    store.save(2, {'a': noise}, Meta())
  except InputError as error:
    print(error)
"""


def test_a_save_that_breaks_off_leaves_the_one_before(tmp_path):
  done = subprocess.run(
    [sys.executable, '-c', _LIMITED, str(tmp_path)],
    capture_output=True,
    text=True,
    check=True,
  )
  assert 'cannot be written, File too large; raise the limit' in done.stdout
  assert done.stdout.count('\n') == 1 and done.stderr == ''
  assert [entry.name for entry in tmp_path.iterdir()] == ['1']


_TRAINING = """
import sys
import numpy as np
from magnet_jax.files import checkpoint_store
from magnet_jax.types import Meta
with checkpoint_store.CheckpointStore(sys.argv[1]) as store:
  step = store.latest_step() or 0
  while True:
    step += 1
    state = {str(i): np.full((200, 1000), step) for i in range(4)}
    store.save(step, state, Meta({'step': step}), {'miou': 1 / step})
    print(step, flush=True)
"""


def test_sigkill_while_saving_loses_nothing(tmp_path):
  last = 0
  for trial in (1, 2):
    process = subprocess.Popen(
      [sys.executable, '-c', _TRAINING, str(tmp_path)],
      stdout=subprocess.PIPE,
      text=True,
    )
    with process:
      assert process.stdout is not None
      for _ in range(2):
        last = int(process.stdout.readline())
      time.sleep(0.02 * trial)  # somewhere in the middle of the next
      process.send_signal(signal.SIGKILL)
      for line in process.stdout:
        last = int(line)
    assert process.returncode == -signal.SIGKILL
    store = checkpoint_store.CheckpointStore(tmp_path)
    with store:
      # A save may be whole before its print.
      assert store.latest_step() in (last, last + 1)
      for step in ('latest', 'best'):
        shapes = {str(i): np.full((200, 1000), 0) for i in range(4)}
        state, meta = store.restore(step, template=shapes)
        found = meta.config['step']
        assert all((leaf == found).all() for leaf in state.values())
      assert store.best_step() == 1
    assert not [*pathlib.Path(tmp_path).glob('*tmp*')]


def test_a_folder_whose_name_is_no_text(tmp_path):
  folder = tmp_path / '\udcff' / 'checkpoints'
  with pytest.raises(InputError, match=r'is no name in UTF-8, .*; rename'):
    checkpoint_store.CheckpointStore(folder)
  assert not folder.parent.exists()
  (folder / '1').mkdir(parents=True)
  for read in (checkpoint_store.best, checkpoint_store.read):
    with pytest.raises(InputError, match='is no name in UTF-8'):
      read(folder)
