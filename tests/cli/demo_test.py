import dataclasses
import json

from magnet_jax.cli import main
from magnet_jax.files import images
from magnet_jax.methods import table
from magnet_jax.predict import model as models
from magnet_jax.report import views
from magnet_jax.scenes import generator
from magnet_jax.types import ClassTable

# The best scale of patch is not known, and there is no point head.
SHOWN = [
  name
  for name, each in table.METHODS.items()
  if each.usual and name not in ('patch-best', 'pointrend', 'glnet')
]


def test_demo(checkpoint, tmp_path, capsys):
  out = tmp_path / 'demo'
  flags = [f'--out={out}', f'--json={out}/demo.json', '--size=64']
  assert main.main(['demo', f'--checkpoint={checkpoint}', *flags]) == 0
  text = capsys.readouterr().out
  assert 'compiling, not counted above' in text
  rows = json.loads((out / 'demo.json').read_text())['rows']
  assert [row['method'] for row in rows] == SHOWN
  assert all(
    set(row)
    == {'method', 'miou', 'boundary_iou', 'seconds', 'windows', 'peak_host_mb'}
    for row in rows
  )
  names = {path.name for path in out.iterdir()}
  assert names == {
    'demo.json',
    'scene.png',
    'truth.png',
    'panel.png',
    'report.html',
    *(f'{name}.png' for name in SHOWN),
    'records.jsonl',
    'settings.json',
    'views',
  }
  (view,) = views.read(out, SHOWN)
  shown = [stage['method'] for stage in view.about['stages']]
  assert list(dict.fromkeys(shown)) == SHOWN
  # The last stage that is drawn of a method is what was scored.
  for name in SHOWN:
    *_, last = (s for s in view.about['stages'] if s['method'] == name)
    drawn = images.read_image(view.folder / last['label'])[..., 0]
    label = images.read_label(out / f'{name}.png', generator.CLASSES)
    assert (drawn == label).all(), name


def test_demo_needs_a_model_of_its_classes(
  checkpoint, toy, fails, tmp_path, monkeypatch
):
  table = ClassTable(('soil', 'weed'), ((0, 0, 0), (9, 9, 9)))
  other = dataclasses.replace(toy, classes=table)
  monkeypatch.setattr(models, 'from_variables', lambda *_, **__: other)
  flags = [f'--checkpoint={checkpoint}', f'--out={tmp_path / "x"}']
  assert 'soil, weed' in fails('demo', *flags)
  assert not (tmp_path / 'x').exists()
