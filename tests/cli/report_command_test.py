from magnet_jax.cli import main


def test_a_report_of_an_evaluation(
  checkpoint, tmp_path, capfd, fails, monkeypatch
):
  data = ['--config.data.scene_size=(64, 64)', '--config.data.val_scenes=1']
  run, out = tmp_path / 'run', tmp_path / 'page' / 'report.html'
  flags = [f'--checkpoint={checkpoint}', '--methods=downsample,magnet', *data]
  assert main.main(['evaluate', *flags, f'--out={run}', '--pictures=1']) == 0
  files = tmp_path / 'files'
  command = ['report', str(run), f'--out={out}', f'--files={files}']
  assert main.main(command) == 0
  assert f'look at {out}' in capfd.readouterr().out
  # The same page as evaluate wrote, but for its title.
  written = (run / 'report.html').read_text()
  title = f'{tmp_path.name}/run'
  same = written.replace('magnet-jax evaluate', title)
  assert out.read_text() == same
  assert 'id="views"' in written
  assert 'miou_windows.png' in {path.name for path in files.iterdir()}
  # Without a name, the page of a training lies in its folder, and that of an
  # evaluation where one is, as it has a page there already.
  monkeypatch.chdir(files)
  for named, page in (
    (tmp_path, tmp_path / 'report.html'),
    (run, 'report.html'),
  ):
    assert main.main(['report', str(named)]) == 0
    assert f'look at {page}\n' in capfd.readouterr().out
  assert (files / 'report.html').read_text() == same
  assert (run / 'report.html').read_text() == written

  assert 'report needs at least one' in fails('report')
  assert 'no such folder' in fails('report', str(tmp_path / 'x'))
  assert 'records.jsonl' in fails('report', str(tmp_path / 'page'))
  assert 'named twice' in fails('report', str(run), str(run))
  assert 'is a file' in fails('report', str(run), f'--out={out}/x.html')
  taken = f'--files={run}/records.jsonl'
  other = tmp_path / 'z.html'
  assert 'is a file' in fails('report', str(run), f'--out={other}', taken)
  assert not other.exists()
  next(run.glob('views/0/magnet/label_*.png')).unlink()
  assert 'is missing' in fails('report', str(run), f'--out={tmp_path}/y.html')
  assert not (tmp_path / 'y.html').exists()
