"""Small data sets in the layouts of the official files."""

import io
import zipfile

import numpy as np
from PIL import Image

DEEPGLOBE_COLOURS = np.array(
  [
    (0, 0, 0), (0, 255, 255), (255, 255, 0), (255, 0, 255), (0, 255, 0),
    (0, 0, 255), (255, 255, 255),
  ]
)  # fmt: skip


def encode(pixels, kind='PNG', mode=None, **settings):
  file = io.BytesIO()
  Image.fromarray(pixels, mode).save(file, kind, **settings)
  return file.getvalue()


def picture(seed, size=(6, 8), kind='PNG'):
  rng = np.random.default_rng(seed)
  return encode(rng.integers(0, 256, (*size, 3), np.uint8), kind)


def write_zip(path, members):
  with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as file:
    for name, data in members.items():
      file.writestr(name, data)


def city_ids(seed, size=(6, 8)):
  return np.random.default_rng(seed).integers(0, 34, size).astype(np.uint8)


def city_names(kind, count):
  """'train/aachen/aachen_000000_000019' and so on, by split."""
  city = {'train': 'aachen', 'val': 'lindau', 'train_extra': 'bad-honnef'}[kind]
  return [f'{kind}/{city}/{city}_000000_{i:06}' for i in range(count)]


def cityscapes(folder, train=3, val=2, extra=0):
  """The zips; label ids are `city_ids` of the place in its split."""
  folder.mkdir(parents=True, exist_ok=True)
  left, fine = {'README': b'', 'license.txt': b''}, {'README': b''}
  for split, count in (('train', train), ('val', val)):
    for i, name in enumerate(city_names(split, count)):
      left[f'leftImg8bit/{name}_leftImg8bit.png'] = picture(i)
      ids = encode(city_ids(i))
      fine[f'gtFine/{name}_gtFine_labelIds.png'] = ids
      fine[f'gtFine/{name}_gtFine_instanceIds.png'] = ids
      fine[f'gtFine/{name}_gtFine_color.png'] = picture(i)
      fine[f'gtFine/{name}_gtFine_polygons.json'] = b'{}'
  left['leftImg8bit/test/berlin/berlin_000000_000000_leftImg8bit.png'] = b'x'
  write_zip(folder / 'leftImg8bit_trainvaltest.zip', left)
  write_zip(folder / 'gtFine_trainvaltest.zip', fine)
  if extra:
    more, coarse = {}, {}
    for i, name in enumerate(city_names('train_extra', extra)):
      more[f'leftImg8bit/{name}_leftImg8bit.png'] = picture(i)
      coarse[f'gtCoarse/{name}_gtCoarse_labelIds.png'] = encode(city_ids(i))
    write_zip(folder / 'leftImg8bit_trainextra.zip', more)
    write_zip(folder / 'gtCoarse.zip', coarse)
  return folder


def deepglobe_label(seed, size=(6, 8)):
  return np.random.default_rng(seed).integers(0, 7, size).astype(np.uint8)


def deepglobe(folder, count=10, inside='train'):
  """Masks whose channels are only near 0 and 255, as in the set."""
  (folder / inside).mkdir(parents=True)
  for i in range(count):
    rng = np.random.default_rng(i)
    colours = DEEPGLOBE_COLOURS[deepglobe_label(i)]
    noisy = np.clip(colours + rng.integers(-99, 99, colours.shape), 0, 255)
    path = folder / inside / f'{100 + i}'
    path.with_name(f'{path.name}_mask.png').write_bytes(
      encode(noisy.astype(np.uint8))
    )
    path.with_name(f'{path.name}_sat.jpg').write_bytes(picture(i, kind='JPEG'))
  (folder / 'class_dict.csv').write_text('name,r,g,b\n')
  return folder


def gleason(folder, count=6, experts=3):
  """Maps of random values; of each core the first `experts` have one."""
  (folder / 'Train_imgs').mkdir(parents=True)
  for number in range(1, 7):
    (folder / f'Maps{number}_T').mkdir()
  for i in range(count):
    core = f'slide001_core{i:03}'
    (folder / 'Train_imgs' / f'{core}.jpg').write_bytes(picture(i, kind='JPEG'))
    for number in range(1, experts + 1):
      path = folder / f'Maps{number}_T' / f'{core}_classimg_nonconvex.png'
      path.write_bytes(encode(gleason_map(i, number)))
  return folder


def gleason_map(core, expert, size=(6, 8)):
  rng = np.random.default_rng((core, expert))
  return rng.choice(np.array([0, 1, 3, 4, 5, 6], np.uint8), size)
