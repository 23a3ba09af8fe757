import json

from magnet_jax.cli import main
from magnet_jax.evaluate import bench


def test_bench(toy, tmp_path, monkeypatch, capfd):
  monkeypatch.setattr(bench, 'random_model', lambda **_: toy)
  path = tmp_path / 'bench.json'
  flags = ['--size=64', '--network=32', '--sizes=64,128', '--repeats=1']
  assert main.main(['bench', *flags, f'--json={path}']) == 0
  text = capfd.readouterr().out
  assert 'besides the networks' in text
  found = json.loads(path.read_text())
  (row,) = found['rows']
  assert row['method'] == 'magnet'
  assert row['miou'] is None
  assert row['windows'] == 5
  assert [size['height'] for size in found['sizes']] == [64, 128]
  assert found['settings']['network'] == '32'
