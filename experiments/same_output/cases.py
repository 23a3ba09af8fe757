"""What is run with both versions, and the images that both are given.

Paths are seen from the folder of a version, beside which lie `inputs/` and
`before/`, the outputs of the older version.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import pathlib

import numpy as np
from PIL import Image
import rasterio
from rasterio.enums import ColorInterp

SCENE = '../inputs/scene.png'
FIELD = '../inputs/field.tif'
SENSOR = '../inputs/sensor.tif'
RUN = '../before/train/run'
EMBEDDED = '{embedded}'  # the file of the model of scenes, wherever it lies
COMMANDS = (
  'demo', 'segment', 'prepare', 'init', 'train', 'tune', 'evaluate', 'report',
  'convert', 'bench',
)  # fmt: skip
_ALL = ('--confidence', '--probabilities', '--polygons')
_PLAIN = '--no-panel'
_TWO_DEVICES = {'XLA_FLAGS': '--xla_force_host_platform_device_count=2'}
# What the embedded model has other than the default config.
_NETWORKS = (
  'segmenter.name=fpn', 'segmenter.trunk=efficientnet_lite0',
  'segmenter.pyramid=48', 'segmenter.head=24', 'refiner.width=32',
  'refiner.prior=true',
)  # fmt: skip
_SEGMENTER = '''"""A segmenter of NumPy arrays."""

import numpy as np


def by_colour(images):
  weights = np.zeros((3, 7), np.float32)
  weights[:, 0], weights[:, 5] = -1, 1
  return images @ weights
'''


@dataclasses.dataclass(frozen=True)
class Case:
  """Commands that are run one after the other, and the folder they fill.

  Attributes:
    name: of the case and of its folder.
    commands: arguments of `magnet-jax`.
    processes: how many run the commands together.
    environment: variables to set.
    copies: (folder, copy) to make before.
    ignored: patterns of files that are not compared.
    printed: whether what the commands print is compared, too.
  """

  name: str
  commands: Sequence[Sequence[str]]
  processes: int = 1
  environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
  copies: Sequence[tuple[str, str]] = ()
  ignored: Sequence[str] = ()
  printed: bool = False

  @property
  def alone(self) -> bool:
    """Whether it needs a process, or processes, of its own."""
    return self.processes > 1 or bool(self.environment)


def _segment(
  out: str, *flags: str, images: Sequence[str] = (SCENE, FIELD)
) -> tuple[str, ...]:
  # 128 makes three stages of the scene, and two of the smaller images.
  usual = ('segment', *images, f'--out={out}', '--window=128', *_ALL)
  if any(flag.startswith(('--checkpoint', '--segmenter')) for flag in flags):
    return (*usual, *flags)
  # Named, as versions differ in the model that they use by default.
  return (*usual, f'--checkpoint={EMBEDDED}', *flags)


def _segmented(name: str, *flags: str) -> Case:
  """Both images, segmented by the embedded model scenes."""
  return Case(name, [_segment(name, *flags)])


def _reading() -> Case:
  """16 bits, four bands, no-data by value."""
  bands = ('--bands=4,3,2', '--stretch=2-98')
  memory = ('--store=memory', *bands)
  overviews = ('--store=uint16', '--overviews', *bands)
  return Case(
    'bands',
    [
      _segment('bands/memory', *memory, images=[SENSOR]),
      _segment('bands/overviews', *overviews, images=[SENSOR]),
    ],
  )


def _two_processes() -> Case:
  return Case(
    'two_processes',
    [
      _segment('two_processes/windows', '--divide=windows', images=[SCENE]),
      _segment('two_processes/images', '--divide=images', '--windows=0.5'),
      _evaluate('two_processes/evaluate'),
    ],
    processes=2,
    ignored=['*.html'],
  )


def _evaluate(out: str, *flags: str) -> tuple[str, ...]:
  chosen = '--methods=downsample,patch,magnet,magnet-fast'
  return ('evaluate', f'--checkpoint={RUN}', f'--out={out}', chosen, *flags)


def _convert() -> Case:
  files = [f'convert/pytorch/{name}.pth' for name in ('segmenter', 'refiner')]
  config = [f'--config.{setting}' for setting in _NETWORKS]
  back = '--checkpoint=convert/back'
  return Case(
    'convert',
    [
      ('convert', EMBEDDED, '--to=pytorch', '--out=convert/pytorch'),
      ('convert', EMBEDDED, '--to=safetensors', '--out=convert/safetensors'),
      ('convert', *files, '--out=convert/back', '--config=default', *config),
      _segment('convert/labels', back, images=[SCENE]),
    ],
    ignored=['back/*'],  # checkpoints: the labels show that they are the same
  )


# The order matters: some go on from what `demo`, `train` and `evaluate` leave.
CASES = (
  Case(
    'demo',
    [('demo', '--size=340x380', '--seed=6', '--out=demo')],
    ignored=['report.html', 'settings.json'],  # of seconds
  ),
  _segmented('memory', '--store=memory', '--preview=memory/preview.png'),
  _segmented('float32', '--store=float32', '--preview=float32/preview.png'),
  _segmented('uint16', '--store=uint16', _PLAIN),
  _segmented('uint8', '--store=uint8', _PLAIN),
  _segmented('overlap_memory', '--overlap=0.3', '--store=memory', _PLAIN),
  _segmented('overlap_float32', '--overlap=0.3', '--store=float32', _PLAIN),
  _segmented('quarter_memory', '--windows=0.25', '--store=memory'),
  _segmented('quarter_float32', '--windows=0.25', '--store=float32'),
  _segmented('unsure_memory', '--min_uncertainty=0.3', '--store=memory'),
  _segmented('unsure_uint16', '--min_uncertainty=0.3', '--store=uint16'),
  _segmented('points', '--points=0.2', '--kernel=3', '--batch=3'),
  _segmented('selection_image', '--selection=image', '--points=0.2'),
  _segmented('released', '--pipeline=released', '--points=0.5'),
  Case(
    'two_devices',
    [_segment('two_devices', '--store=float32', images=[SCENE])],
    environment=_TWO_DEVICES,
  ),
  _reading(),
  Case(
    'train',
    [('train', '--config=tiny', '--workdir=train/run')],
    ignored=['run/*/checkpoints/*'],  # random names; read by `run_of_before`
  ),
  Case(
    'run_of_before',
    [
      _segment('run_of_before/run', f'--checkpoint={RUN}'),
      _segment('run_of_before/file', f'--checkpoint={RUN}/model.npz'),
    ],
  ),
  Case(
    'training_again',
    [
      (
        'train', '--config=tiny', '--workdir=training_again/run',
        '--config.train.refiner.steps=4',
      )
    ],
    copies=[(RUN, 'training_again/run')],
    ignored=['run/*/checkpoints/*'],
  ),
  Case(
    'own_segmenter',
    [
      _segment(
        'own_segmenter', '--segmenter=own_segmenter:by_colour',
        f'--refiner={RUN}',
      )
    ],
  ),
  Case('evaluate', [_evaluate('evaluate')], ignored=['*.html']),
  Case(
    'evaluate_again',
    [_evaluate('evaluate_again')],
    copies=[('../before/evaluate', 'evaluate_again')],
    ignored=['*.html'],
  ),
  _two_processes(),
  Case(
    'tune',
    [
      (
        'tune', f'--checkpoint={RUN}', '--no-write', '--out=tune',
        '--points=0.1,0.5',
      )
    ],
  ),
  _convert(),
  Case('init', [('init', '../inputs/photos', '--out=init')]),
  Case(
    'help',
    [('--help',), *((name, '--help') for name in COMMANDS)],
    printed=True,
  ),
)  # fmt: skip


def make_inputs(demo: pathlib.Path, folder: pathlib.Path) -> None:
  """Writes the inputs that are not there yet.

  Args:
    demo: what `magnet-jax demo` of the older version left.
    folder: for the inputs.
  """
  done = folder / 'done'
  if done.exists():
    return
  folder.mkdir(parents=True, exist_ok=True)
  (folder / 'own_segmenter.py').write_text(_SEGMENTER)
  (folder / 'scene.png').write_bytes((demo / 'scene.png').read_bytes())
  image = np.asarray(Image.open(demo / 'scene.png').convert('RGB'))
  truth = np.asarray(Image.open(demo / 'truth.png'))
  _write_field(folder / 'field.tif', image[60:270, 10:250][:, ::-1])
  _write_sensor(folder / 'sensor.tif', image[:240, :220].transpose(1, 0, 2))
  _write_photos(folder / 'photos', image, truth)
  done.touch()


def _write_field(path: pathlib.Path, image: np.ndarray) -> None:
  """Three bands of 8 bits, on the earth, with a mask in the file."""
  height, width = image.shape[:2]
  rows, columns = np.indices((height, width))
  valid = rows + columns > (height + width) // 5
  with (
    rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
    rasterio.open(path, 'w', **_profile(image, dtype='uint8')) as file,
  ):
    file.write(np.moveaxis(image, -1, 0))
    file.write_mask(valid.astype(np.uint8) * 255)


def _write_sensor(path: pathlib.Path, image: np.ndarray) -> None:
  """Four bands of 16 bits, without a value in a corner, with overviews."""
  values = image.astype(np.uint16) * 37 + 400
  near_infrared = values[..., :1] // 2 + values[..., 1:2]
  values = np.concatenate([near_infrared, values[..., ::-1]], axis=-1)
  values[-60:, -70:] = 0
  profile = _profile(values, dtype='uint16', nodata=0)
  with rasterio.open(path, 'w', **profile) as file:
    file.write(np.moveaxis(values, -1, 0))
    file.colorinterp = [
      ColorInterp.undefined, ColorInterp.blue, ColorInterp.green,
      ColorInterp.red,
    ]  # fmt: skip
    file.build_overviews([2, 4], rasterio.enums.Resampling.average)


def _profile(image: np.ndarray, **more: object) -> dict[str, object]:
  return {
    'driver': 'GTiff',
    'height': image.shape[0],
    'width': image.shape[1],
    'count': image.shape[2],
    'crs': 'EPSG:32633',
    'transform': rasterio.Affine(0.5, 0, 500000, 0, -0.5, 5300000),
    'tiled': True,
    'blockxsize': 64,
    'blockysize': 64,
    'compress': 'deflate',
    **more,
  }


def _write_photos(
  folder: pathlib.Path, image: np.ndarray, truth: np.ndarray
) -> None:
  """Some labelled images, for `magnet-jax init`."""
  for name in ('images', 'labels'):
    (folder / name).mkdir(parents=True, exist_ok=True)
  for number in range(6):
    top, left = 40 * number, 30 * number
    for name, pixels in (('images', image), ('labels', truth)):
      part = Image.fromarray(pixels[top : top + 120, left : left + 200])
      part.save(folder / name / f'{number}.png')
