import json

import numpy as np
import pytest

from magnet_jax.cli import main
from magnet_jax.evaluate import measuring
from magnet_jax.files import images, records
from magnet_jax.filters.table import FILTERS
from magnet_jax.methods import table
from magnet_jax.report import runs


@pytest.fixture
def flags(checkpoint, tmp_path):
  data = ['--config.data.scene_size=(64, 64)', '--config.data.val_scenes=2']
  out = tmp_path / 'out'
  return ['evaluate', f'--checkpoint={checkpoint}', f'--out={out}', *data]


# The best scale of patch is not known, and there is no point head.
LACKING = ('patch-best', 'pointrend', 'glnet')
POSSIBLE = [
  name
  for name, each in table.METHODS.items()
  if each.usual and name not in LACKING
]


def test_table_records_and_report(flags, tmp_path, capsys):
  path = tmp_path / 'deep' / 'table.json'
  assert main.main([*flags, f'--json={path}', '--pictures=1']) == 0
  text = capsys.readouterr().out
  assert 'magnet - downsample, mIoU' in text
  rows = json.loads(path.read_text())['rows']
  assert [row['method'] for row in rows] == POSSIBLE
  assert all(0 <= row['miou'] <= 1 for row in rows)
  assert 'pixel accuracy' not in text
  found = records.read(tmp_path / 'out' / 'records.jsonl')
  assert len(found) == 2 * len(POSSIBLE)
  assert np.asarray(found[0]['confusion']).sum() == 64 * 64
  names = {path.name for path in (tmp_path / 'out').iterdir()}
  assert names == {
    'records.jsonl',
    'settings.json',
    'circumstances.json',
    'summary.json',
    'report.html',
    'panel_0.png',
    'views',
  }
  page = (tmp_path / 'out' / 'report.html').read_text()
  for name in ('refine.points', 'magnet-jax', 'devices'):
    assert f'>{name}<' in page
  assert main.main([*flags, '--pictures=0']) == 0
  assert not list((tmp_path / 'out').glob('panel_*'))


def test_the_order_and_the_reference_are_kept(flags, tmp_path, capsys):
  """First another order, so that the records have it."""
  quick = [*flags, '--pictures=1']
  assert main.main([*quick, '--methods=downsample,magnet']) == 0
  assert 'magnet - downsample, mIoU' in capsys.readouterr().out
  names = ['magnet', 'patch', 'downsample']
  chosen = [f'--methods={",".join(names)}', '--reference=patch']
  assert main.main([*quick, *chosen]) == 0
  lines = capsys.readouterr().out.splitlines()
  assert [line.split()[0] for line in lines[2:5]] == names
  assert [line.split(',')[0] for line in lines[6:8]] == [
    'patch - magnet',
    'patch - downsample',
  ]
  out = tmp_path / 'out'
  summary = json.loads((out / 'summary.json').read_text())
  assert summary['reference'] == 'patch'
  about = json.loads((out / 'views' / '0' / 'view.json').read_text())
  assert about['panel'] == 'patch'
  (run,) = runs.find([out]).runs.values()
  assert run.methods == names and run.reference == 'patch'
  assert 'patch - downsample' in (out / 'report.html').read_text()
  page = tmp_path / 'page.html'
  argv = ['report', str(out), f'--out={page}']
  assert main.main([*argv, '--reference=magnet']) == 0
  assert 'magnet - patch' in page.read_text()
  assert main.main([*argv, '--reference=magnet-fast']) == 2
  assert 'magnet, patch, downsample' in capsys.readouterr().err


def test_filters_are_run_if_asked_for(flags, fails, tmp_path):
  path = tmp_path / 'table.json'
  wanted = [f'--json={path}', '--pictures=0']

  def scores(*more):
    assert main.main([*flags, *wanted, *more]) == 0
    rows = json.loads(path.read_text())['rows']
    return {row['method']: row['miou'] for row in rows}

  both = scores('--methods=downsample,guided', '--start=downsample')
  assert both['guided'] != both['downsample']
  line = fails(*flags, *wanted, '--methods=guided', '--start=patch')
  assert "holds a run with start 'downsample', not 'patch'" in line
  every = scores('--methods=all', '--limit=1', '--start=downsample')
  assert [*every] == [*POSSIBLE, *FILTERS]
  line = fails(*flags, *wanted, '--methods=guided', '--eps=0')
  assert '--eps=0.0: must be a number of above 0 to' in line
  assert '--start=magic' in fails(*flags, '--start=magic')
  assert '--radius=0' in fails(*flags, '--radius=0')


def test_all_metrics_are_shown_if_asked(flags, tmp_path, capsys):
  path = tmp_path / 'table.json'
  wanted = [f'--json={path}', '--pictures=0', '--methods=magnet']
  assert main.main([*flags, '--metrics=all', *wanted]) == 0
  text = capsys.readouterr().out
  assert 'pixel accuracy' in text and 'category IoU' not in text
  figures = json.loads(path.read_text())['figures']['magnet']
  assert f'{100 * figures["fwiou"]:.2f}' in text
  record = records.read(tmp_path / 'out' / 'records.jsonl')[0]
  assert 0 <= record['boundary_f'] <= 1
  # How it is shown does not make it another run.
  assert main.main([*flags, *wanted]) == 0


def test_an_interrupted_run_goes_on(flags, tmp_path, monkeypatch):
  measure, calls = measuring.measure, []

  def fourth_fails(*args):
    calls.append(args)
    if len(calls) == 4:
      raise KeyboardInterrupt
    return measure(*args)

  monkeypatch.setattr(measuring, 'measure', fourth_fails)
  assert main.main(flags) == 130
  path = tmp_path / 'out' / 'records.jsonl'
  first = records.read(path)
  assert len(first) == 3
  assert main.main([*flags, '--pictures=0']) == 0
  assert records.read(path)[:3] == first
  assert len(calls) == 2 * len(POSSIBLE) + 1


def test_a_smaller_limit_shows_its_own_images_alone(flags, tmp_path, capsys):
  out, path = tmp_path / 'out', tmp_path / 'table.json'
  short = ['--methods=downsample,magnet', '--pictures=0', f'--json={path}']
  assert main.main([*flags, *short]) == 0
  whole = records.read(out / 'records.jsonl')
  assert '1 more image' not in capsys.readouterr().out
  assert main.main([*flags, *short, '--limit=1']) == 0
  text = capsys.readouterr().out
  assert 'One image.' in text
  assert f'{out} has records of 1 more image, left out here;' in text
  for file in (path, out / 'summary.json'):
    rows = json.loads(file.read_text())['rows']
    assert rows[0]['miou'] == pytest.approx(whole[0]['miou'])
  page = (out / 'report.html').read_text()
  assert 'One image.' in page and '1 more image' in page
  assert records.read(out / 'records.jsonl') == whole


def test_a_folder_of_another_run_is_refused_and_left_alone(
  flags, fails, tmp_path
):
  assert main.main([*flags, '--methods=downsample', '--pictures=1']) == 0
  line = fails(*flags, '--overlap=0.5', '--pictures=0')
  assert 'overlap' in line and '0.25' in line and '--out' in line
  assert (tmp_path / 'out' / 'views' / '0' / 'view.json').exists()


def test_listed_images(pair, checkpoint, tmp_path, capfd):
  listed = tmp_path / 'list.txt'
  listed.write_text(f'{pair[0].name}\t{pair[1].name}\nnone.png\t{pair[1].name}')
  flags = ['--images', str(listed), '--checkpoint', str(checkpoint)]
  assert main.main(['evaluate', *flags, '--methods=magnet,downsample']) == 2
  found = capfd.readouterr()
  assert 'none.png' in found.err
  assert len(found.err.splitlines()) == 1
  assert 'One image.' in found.out


def test_images_without_colour_are_told_of_once(
  pair, checkpoint, tmp_path, capsys
):
  grey = images.read_image(pair[0])[..., 0]
  for name in ('a.png', 'b.png'):
    images.write_image(tmp_path / name, grey)
  listed = tmp_path / 'list.txt'
  listed.write_text(''.join(f'{n}.png\t{pair[1].name}\n' for n in 'ab'))
  flags = ['evaluate', f'--images={listed}', f'--checkpoint={checkpoint}']
  assert main.main([*flags, '--methods=patch,guided,fast-guided']) == 0
  text = capsys.readouterr().out
  assert text.count('note: an image has no colour, so its brightness') == 1
  assert main.main([*flags, '--methods=patch']) == 0
  assert 'no colour' not in capsys.readouterr().out


def test_whatever_an_image_raises_stops_no_other(
  pair, checkpoint, tmp_path, capfd, monkeypatch
):
  listed = tmp_path / 'list.txt'
  names = ('odd', pair[0].name)
  listed.write_text(''.join(f'{n}\t{pair[1].name}\n' for n in names))
  read = images.read_label

  def fails_once(path, *args, **settings):
    monkeypatch.setattr(images, 'read_label', read)
    raise MemoryError

  (tmp_path / 'odd').write_bytes(pair[0].read_bytes())
  monkeypatch.setattr(images, 'read_label', fails_once)
  flags = ['--images', str(listed), '--checkpoint', str(checkpoint)]
  assert main.main(['evaluate', *flags, '--methods=downsample']) == 2
  found = capfd.readouterr()
  assert 'needs more memory' in found.err and str(pair[1]) in found.err
  assert 'One image.' in found.out


def test_bad_flags(flags, fails):
  assert '--methods=magic' in fails(*flags, '--methods=magic')
  assert 'data.kind' in fails(*flags, '--config.data.kind=cloud')
  assert 'data.val' in fails(*flags, '--config.data.kind=files')
  line = fails(*flags, '--reference=magnet', '--methods=patch,downsample')
  assert '--reference=magnet' in line and 'patch, downsample' in line
  assert '--fast_windows=some' in fails(*flags, '--fast_windows=some')
  line = fails(*flags, '--config.data.classes=carrotweed')
  assert 'carrot' in line and '3 classes' in line and '7 classes' in line
