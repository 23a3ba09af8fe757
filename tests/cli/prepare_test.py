"""The command `prepare`, and what can be done with its result."""

import full_disk
import official_sets

from magnet_jax.cli import main
from magnet_jax.files import records


def test_a_set_is_prepared_and_described(tmp_path, capsys):
  official = official_sets.deepglobe(tmp_path / 'set')
  command = [
    'prepare',
    'deepglobe_land_cover',
    f'--manual_dir={official}',
    f'--data_dir={tmp_path / "out"}',
  ]
  assert main.main(command) == 0
  out = capsys.readouterr().out
  assert '1.0.0: 6 train, 2 val, 2 test images' in out
  assert 'agriculture' in out and 'Dataset' not in out
  killed = tmp_path / 'out/deepglobe_land_cover/incomplete.ABC_1.0.0'
  killed.mkdir()
  assert main.main(command) == 0
  out = capsys.readouterr().out
  assert 'as prepared by an earlier run' in out
  assert f'{killed}: is left over from a run that was killed' in out


def test_classes_that_never_occur_are_named(tmp_path, capsys):
  official = official_sets.gleason(tmp_path / 'set', count=2, experts=1)
  for path in (official / 'Maps1_T').iterdir():
    path.write_bytes(
      official_sets.encode(official_sets.gleason_map(0, 1) * 0 + 4)
    )
  assert (
    main.main(
      [
        'prepare',
        'gleason2019',
        f'--manual_dir={official}',
        f'--data_dir={tmp_path / "out"}',
      ]
    )
    == 0
  )
  out = capsys.readouterr().out
  assert 'never in val: background, benign, grade 3, grade 5;' in out


def test_a_prepared_set_is_evaluated(pair, checkpoint, tmp_path):
  image, label = pair
  (tmp_path / 'val.txt').write_text(f'{image.name}\t{label.name}\n')
  out = f'{tmp_path / "out"}'
  assert (
    main.main(
      [
        'prepare',
        'file_list/toy',
        f'--manual_dir={tmp_path}',
        f'--data_dir={out}',
        '--classes=scenes',
      ]
    )
    == 0
  )
  flags = ['evaluate', f'--checkpoint={checkpoint}', '--methods=downsample']
  data = {'kind': 'tfds', 'name': 'file_list/toy', 'data_dir': out}
  prepared = [f'--config.data.{key}={value}' for key, value in data.items()]
  listed = ['--images', str(tmp_path / 'val.txt')]
  tables = []
  for number, which in enumerate((prepared, listed)):
    run = tmp_path / f'run{number}'
    assert main.main([*flags, *which, f'--out={run}', '--pictures=0']) == 0
    tables.append(records.read(run / 'records.jsonl')[0])
  for key in ('image', 'height', 'width', 'confusion', 'boundary', 'miou'):
    assert tables[0][key] == tables[1][key]


def test_bad_commands(fails, tmp_path):
  out = f'--data_dir={tmp_path / "out"}'
  manual = f'--manual_dir={tmp_path}'
  assert 'needs one name' in fails('prepare', manual, out)
  assert 'needs one name' in fails('prepare', 'gleason2019', out)
  assert 'unknown; choose' in fails('prepare', 'gleason', manual, out)
  assert 'lacks gtFine' in fails(
    'prepare', 'cityscapes_magnet', manual, out
  ).replace('leftImg8bit_trainvaltest.zip and ', '')
  assert 'holds no *_sat.jpg' in fails(
    'prepare', 'deepglobe_land_cover', manual, out
  )
  assert 'no class' not in fails(
    'prepare', 'file_list/x', manual, out, '--classes=dubai'
  )
  assert not (tmp_path / 'out').exists()


def test_a_truncated_zip_is_refused(fails, tmp_path):
  folder = official_sets.cityscapes(tmp_path / 'set')
  path = folder / 'gtFine_trainvaltest.zip'
  path.write_bytes(path.read_bytes()[:-50])
  assert 'not a complete zip file' in fails(
    'prepare',
    'cityscapes_magnet',
    f'--manual_dir={folder}',
    f'--data_dir={tmp_path / "out"}',
  )


def test_nothing_is_left_of_a_set_that_failed(fails, tmp_path):
  folder = official_sets.deepglobe(tmp_path / 'set', count=60)
  path = folder / 'train' / '103_mask.png'
  whole = path.read_bytes()
  out = tmp_path / 'out'
  flags = f'--manual_dir={folder}', f'--data_dir={out}'
  path.write_bytes(whole[:-60])
  assert '103_mask.png' in fails('prepare', 'deepglobe_land_cover', *flags)
  assert not out.exists()
  path.write_bytes(whole)
  with full_disk.after(5000):
    line = fails('prepare', 'deepglobe_land_cover', *flags)
  assert f'{out}/deepglobe_land_cover: cannot be written, File too' in line
  assert not out.exists()
