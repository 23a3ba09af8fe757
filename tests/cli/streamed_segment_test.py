"""`magnet-jax segment` of images that do not fit in memory."""

import contextlib
import dataclasses
import fcntl
import itertools
import shutil

import full_disk
import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image
import pytest

from magnet_jax.cascade import disk
from magnet_jax.cascade.disk_workspace import DiskWorkspace
from magnet_jax.cli import main
from magnet_jax.files import images
from magnet_jax.predict import model as models
from magnet_jax.refiners import magnet
from magnet_jax.scenes import generator


def run(*argv):
  return main.main(['segment', *map(str, argv)])


@pytest.fixture
def field(tmp_path):
  """An image of 200x170 with shapes of two kinds of brightness."""
  rng = np.random.default_rng(0)
  coarse = rng.integers(0, 2, (10, 9), np.uint8) * 120 + 60
  image = np.kron(coarse, np.ones((20, 20), np.uint8))[:200, :170, None]
  noise = rng.integers(0, 60, (200, 170, 3), np.uint8)
  images.write_image(tmp_path / 'field.png', image + noise)
  return tmp_path / 'field.png'


@contextlib.contextmanager
def _stopped_after(windows):
  """Stops a run, as Ctrl-C does, when so many windows are finished."""
  finished = 0
  forget = disk.WaitingOnDisk.forget

  def counted(self, tiles):
    nonlocal finished
    finished += len(tiles)
    if finished > windows:
      raise KeyboardInterrupt
    forget(self, tiles)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(disk.WaitingOnDisk, 'forget', counted)
    yield


def _files(folder):
  return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_streamed_labels_are_those_in_memory(
  field, checkpoint, tmp_path, capfd
):
  flags = ['--checkpoint', checkpoint, '--confidence', '--probabilities']
  memory, disk = tmp_path / 'memory', tmp_path / 'disk'
  assert run(field, *flags, '--out', memory) == 0
  assert 'streamed through' not in capfd.readouterr().out
  assert run(field, *flags, '--out', disk, '--store=float32') == 0
  line = f'field: --store=float32: streamed through {disk}/field.partial'
  assert line in capfd.readouterr().out
  first, second = _files(memory), _files(disk)
  assert list(first) == list(second)
  for name in ('label.png', 'confidence.png', 'probabilities.npy'):
    assert first[f'field_{name}'] == second[f'field_{name}']
  assert images.read_size(disk / 'field_panel.png')[0] > 400
  assert images.read_size(disk / 'field_overlay.jpg') == (200, 170)
  with Image.open(disk / 'field_label.png') as label:
    assert label.mode == 'P'
    assert label.getpalette()[:3] == list(generator.CLASSES.colours[0])


def test_what_does_not_fit_is_streamed_and_said_so(
  field, checkpoint, tmp_path, capfd, monkeypatch
):
  monkeypatch.setattr('magnet_jax.predict.budget._STREAMING', 0)
  out = tmp_path / 'out'
  flags = ['--checkpoint', checkpoint, '--out', out, '--batch=1']
  assert run(field, *flags, '--memory=0.002', '--no-panel') == 0
  said = capfd.readouterr().out
  assert 'field: 200x170 would take 0.01 GB in memory' in said
  assert 'the budget is 0.01: streamed through' in said
  assert sorted(_files(out)) == ['field_label.png', 'field_overlay.jpg']


def test_a_budget_too_small_for_one_batch(field, checkpoint, tmp_path, fails):
  flags = ['segment', field, '--checkpoint', checkpoint, '--out', tmp_path]
  line = fails(*flags, '--memory=0.001')
  assert 'field.png: memory 0.01 GB' in line and '--memory=0.' in line
  least = line.partition('--memory=')[2].split()[0]
  assert run(*flags[1:], f'--memory={least}', '--store=uint8') == 0
  for bad in ('0', '-1', 'nan'):
    assert 'above 0 to' in fails(*flags, f'--memory={bad}')


def test_what_works_in_memory_only(field, checkpoint, tmp_path, fails):
  flags = ['segment', field, '--checkpoint', checkpoint, '--out', tmp_path]
  for flag, remedy in (
    ('--selection=image', '--selection=window'),
    ('--pipeline=released', '--pipeline=aligned'),
  ):
    line = fails(*flags, flag, '--memory=0.001')
    assert 'in memory only' in line and remedy in line and 'field.png' in line


def test_a_stopped_run_goes_on_and_ends_with_the_same_bytes(
  field, checkpoint, tmp_path
):
  flags = ['--checkpoint', checkpoint, '--batch=1', '--store=uint16']
  whole, parts = tmp_path / 'whole', tmp_path / 'parts'
  assert run(field, *flags, '--out', whole) == 0
  for windows in (1, 7, 20):
    with _stopped_after(windows):
      assert run(field, *flags, '--out', parts) == 130
    assert [path.name for path in parts.iterdir()] == ['field.partial']
  assert run(field, *flags, '--out', parts) == 0
  assert _files(whole) == _files(parts)


def test_a_run_that_cannot_go_on_says_why(field, checkpoint, tmp_path, fails):
  out = tmp_path / 'out'
  flags = [
    'segment',
    field,
    '--checkpoint',
    checkpoint,
    '--out',
    out,
    '--store=uint16',
    '--no-panel',
  ]
  with _stopped_after(3):
    assert run(*flags[1:]) == 130
  before = {p: p.read_bytes() for p in out.rglob('*') if p.is_file()}
  for flag, words in (
    ('--points=0.25', 'points (0.9 then, 0.25 now)'),
    ('--store=float32', 'store (uint16 then, float32 now)'),
    ('--overlap=0.5', 'stages'),
    ('--batch=3', 'batch'),
    ('--confidence', 'panel or confidence'),
  ):
    line = fails(*flags, flag)
    assert words in line and 'start again' in line
    assert str(out / 'field.partial') in line and 'field.png' in line
  image = images.read_image(field).copy()
  image[5, 5] ^= 255
  images.write_image(field, image)
  assert 'image' in fails(*flags)
  assert before == {p: p.read_bytes() for p in out.rglob('*') if p.is_file()}


def _another_refiner(weights, *, scale, coarse):
  """Of the same weights as the toy's, but sharpens the other map."""
  return jnp.log(scale + 1e-6) + jnp.log(coarse + 1e-6) * weights


def test_a_run_does_not_go_on_with_another_refiner_of_equal_weights(
  field, checkpoint, toy, tmp_path, fails
):
  flags = ['--checkpoint', checkpoint, '--out', tmp_path / 'out']
  flags += ['--store=uint16', '--no-panel']
  with _stopped_after(3):
    assert run(field, *flags) == 130
  (old,) = toy.refiners
  other = magnet.refiner(
    jax.tree_util.Partial(_another_refiner, *old.variables.args)
  )
  with pytest.MonkeyPatch.context() as patch:
    changed = dataclasses.replace(toy, refiners=(other,))
    patch.setattr(models, 'from_variables', lambda *_, **__: changed)
    assert 'differs in networks' in fails('segment', field, *flags)
  assert run(field, *flags) == 0


def test_two_runs_on_one_folder(field, checkpoint, tmp_path, fails):
  out = tmp_path / 'out'
  (out / 'field.partial').mkdir(parents=True)
  with open(out / 'field.partial' / 'lock', 'w') as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    flags = ['--checkpoint', checkpoint, '--out', out, '--store=uint16']
    line = fails('segment', field, *flags)
  assert 'another run' in line and str(out / 'field.partial') in line
  assert run(field, *flags) == 0


def test_a_name_that_is_no_text(field, checkpoint, tmp_path, fails):
  odd = field.with_name('\udcff.png')
  field.rename(odd)
  flags = ['--checkpoint', checkpoint, '--out', tmp_path / 'out']
  line = fails('segment', odd, *flags, '--store=uint16')
  assert 'is no name in UTF-8' in line and 'rename' in line
  assert not (tmp_path / 'out').exists()


def test_a_full_disk_is_one_line_and_the_run_goes_on(
  field, checkpoint, tmp_path, fails
):
  out = tmp_path / 'out'
  flags = [field, '--checkpoint', checkpoint, '--out', out, '--store=float32']
  with full_disk.after(6000):
    line = fails('segment', *flags)
  assert str(out / 'field.partial') in line and 'cannot be written' in line
  assert run(*flags) == 0
  assert not (out / 'field.partial').exists()


def test_the_preview_is_drawn_after_every_stage(
  field, checkpoint, tmp_path, monkeypatch
):
  seen = []
  write = images.write_image

  def watch(path, image):
    if path == preview:
      seen.append(image)
    write(path, image)

  monkeypatch.setattr(images, 'write_image', watch)
  for store in ('memory', 'uint16'):
    preview = tmp_path / 'new' / f'{store}.png'
    flags = ['--checkpoint', checkpoint, '--out', tmp_path / store, '--store']
    assert run(field, *flags, store, '--preview', preview) == 0
    assert images.read_size(preview) == (200, 170)
    stages = len(seen)
    assert stages >= 3
    assert all((a != b).any() for a, b in itertools.pairwise(seen))
    seen.clear()


@pytest.mark.parametrize('name', ['seen.tif', 'seen', 'field.png'])
def test_a_preview_that_cannot_be(name, field, checkpoint, tmp_path, fails):
  flags = ['--checkpoint', checkpoint, '--out', tmp_path / 'out']
  line = fails('segment', field, *flags, '--preview', tmp_path / name)
  assert name in line
  assert images.read_size(field) == (200, 170)


def test_fast_streams_as_well(field, checkpoint, tmp_path):
  flags = ['--checkpoint', checkpoint, '--windows=0.3', '--no-panel']
  for store in ('memory', 'float32'):
    out = tmp_path / store
    assert run(field, *flags, f'--store={store}', '--out', out) == 0
  label = 'field_label.png'
  assert _files(tmp_path / 'memory')[label] == _files(out)[label]


def test_an_image_of_one_window_streams_as_well(pair, checkpoint, tmp_path):
  image = images.read_image(pair[0])[:32, :30]
  images.write_image(tmp_path / 'small.png', image)
  flags = ['--checkpoint', checkpoint, '--store=uint8', '--out']
  assert run(tmp_path / 'small.png', *flags, tmp_path / 'out') == 0
  label = images.read_label(
    tmp_path / 'out' / 'small_label.png', generator.CLASSES
  )
  assert label.shape == (32, 30)


def test_a_relative_folder_may_lead_upwards(
  field, checkpoint, tmp_path, monkeypatch
):
  (tmp_path / 'here').mkdir()
  monkeypatch.chdir(tmp_path / 'here')
  flags = [f'--checkpoint={checkpoint}', '--store=uint8', '--no-panel']
  assert run(field, *flags, '--out=../there') == 0
  assert (tmp_path / 'there' / 'field_label.png').exists()
  assert not list((tmp_path / 'there').glob('*.partial'))


@pytest.mark.parametrize('stage', [0, 1, 2])
def test_a_folder_that_is_removed_meanwhile_is_an_error(
  field, checkpoint, capfd, stage
):
  out = field.parent / 'out'
  end = DiskWorkspace.end

  def removes(self, which):
    end(self, which)
    if which.index == stage:
      shutil.rmtree(out)

  flags = [f'--checkpoint={checkpoint}', '--store=uint16', '--no-panel']
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(DiskWorkspace, 'end', removes)
    assert run(field, *flags, f'--out={out}') == 2
  (line,) = [
    each for each in capfd.readouterr().err.splitlines() if 'error:' in each
  ]
  assert 'field' in line and ('is missing' in line or 'written' in line)
  assert not (out / 'field_label.png').exists()
  assert run(field, *flags, f'--out={out}') == 0  # from the beginning
