"""Commands say when images look unlike those that the model was trained on."""

import dataclasses
import json

import numpy as np
from PIL import Image
import pytest

from magnet_jax.cli import main
from magnet_jax.data import tones
from magnet_jax.files import bundle, checkpoints
from magnet_jax.rasters.rasters import ArrayRaster
from magnet_jax.scenes import generator

WORDS = 'unlike those that the model was trained on'


@pytest.fixture
def trained(checkpoint, pair):
  """The model, once trained on images like the pair's; changes its tones."""

  def write(gain):
    image = np.asarray(Image.open(pair[0]).convert('RGB')) * float(gain)
    found = [
      tones.measure(ArrayRaster(np.clip(image + k, 0, 255).astype('u1')))
      for k in range(-10, 11)
    ]
    variables, meta = bundle.read(checkpoint)
    meta = dataclasses.replace(meta, tones=tones.stack(found))
    bundle.export(checkpoint, variables, meta)
    return f'--checkpoint={checkpoint}'

  return write


def test_segment_names_the_images_and_in_what_they_differ(
  trained, pair, tmp_path, capsys
):
  dark = tmp_path / 'night.png'
  Image.fromarray(np.asarray(Image.open(pair[0])) // 4).save(dark)
  flags = [f'--out={tmp_path / "out"}', '--no-panel', trained(1)]
  argv = ['segment', str(pair[0]), str(dark), *flags]
  assert main.main(argv) == 0
  lines = capsys.readouterr().out.splitlines()
  (line,) = [each for each in lines if WORDS in each]
  assert line.startswith('warning: night.png looks') and 'darker (' in line
  assert main.main(['segment', str(dark), *flags, '--store=float32']) == 0
  assert line in capsys.readouterr().out.splitlines()
  assert main.main(['segment', str(pair[0]), *flags]) == 0
  assert WORDS not in capsys.readouterr().out


def test_evaluate_says_so_too(trained, pair, tmp_path, capsys):
  listed = tmp_path / 'list.txt'
  listed.write_text(f'{pair[0].name}\t{pair[1].name}\n')
  argv = ['evaluate', f'--images={listed}', '--methods=downsample']
  assert main.main([*argv, trained(0.5)]) == 0
  text = capsys.readouterr().out
  assert f'warning: {pair[0].stem} looks {WORDS}: ' in text
  assert 'brighter (' in text
  assert main.main([*argv, trained(1)]) == 0
  assert WORDS not in capsys.readouterr().out


def test_models_of_earlier_versions_say_nothing(
  checkpoint, pair, tmp_path, capsys
):
  flags = [f'--checkpoint={checkpoint}', f'--out={tmp_path}', '--no-panel']
  assert main.main(['segment', str(pair[0]), *flags]) == 0
  assert WORDS not in capsys.readouterr().out


def test_init_compares_the_splits(tmp_path, capsys):
  rng = np.random.default_rng(0)
  for split, count, level in [
    ('train', 9, 90),
    ('val', 2, 90),
    ('test', 3, 180),
  ]:
    for kind in ('images', 'labels'):
      (tmp_path / split / kind).mkdir(parents=True)
    for number in range(count):
      name = f'{split}{number}.png'
      noise = rng.integers(level - 30, level + 30, (9, 9, 3)).astype(np.uint8)
      picture = Image.fromarray(noise).resize((130, 140))
      picture.save(tmp_path / split / 'images' / name)
      label = rng.integers(0, 2, (140, 130)).astype(np.uint8)
      Image.fromarray(label).save(tmp_path / split / 'labels' / name)
  assert main.main(['init', str(tmp_path)]) == 0
  assert '3 images of test look unlike those of train: brighter (' in (
    capsys.readouterr().out
  )
  found = json.loads((tmp_path / 'magnet_jax' / 'findings.json').read_text())
  (one,) = [f for f in found['findings'] if f['kind'].startswith('tones')]
  assert one['files'] == [f'test/images/test{i}.png' for i in range(3)]


def test_the_embedded_models_know_their_images():
  scene = generator.generate(3, (1000, 1000)).image
  grey = np.repeat(scene.mean(-1, keepdims=True), 3, -1).astype(np.uint8)
  seen = tones.stack(tones.measure(ArrayRaster(each)) for each in (scene, grey))
  for name, unlike in (('scenes', (1,)), ('aerial', (0,))):
    _, meta = checkpoints.load(name)
    assert tones.compare(meta.tones, seen).images == unlike, name
