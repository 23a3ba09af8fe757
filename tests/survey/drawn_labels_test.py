"""Folders of images with the annotations of COCO and Label Studio."""

import json

from folders import photograph, save
import numpy as np
from PIL import Image
import pytest
from surveys import finding, kinds, look

from magnet_jax.cli import main
from magnet_jax.types import InputError

SIZE = (140, 150)
LEFT = [10, 20, 60, 20, 60, 90, 10, 90]  # x, y, x, y, …
INNER = [30, 30, 40, 30, 40, 50, 30, 50]


def coco(names, folder='', **changes):
  """Two polygons, a small one on a large one, and a box, for each image."""
  images, annotations = [], []
  for index, name in enumerate(names):
    image = {'id': index, 'file_name': folder + name}
    images.append({**image, 'height': SIZE[0], 'width': SIZE[1]})
    for category, drawn in ((7, [INNER]), (3, [LEFT]), (3, [])):
      annotations.append(
        {'image_id': index, 'category_id': category, 'segmentation': drawn}
      )
  return {
    'images': images,
    'annotations': annotations,
    'categories': [
      {'id': 1, 'name': 'never'},
      {'id': 3, 'name': 'field'},
      {'id': 7, 'name': 'tree'},
    ],
    **changes,
  }


def studio(names):
  sides = {'original_height': SIZE[0], 'original_width': SIZE[1]}

  def shares(flat):
    return (np.reshape(flat, (-1, 2)) / SIZE[::-1] * 100).tolist()

  def region(kind, name, **value):
    return {'type': kind, 'value': {kind: [name], **value}, **sides}

  regions = [
    region('polygonlabels', 'tree', points=shares(INNER)),
    region(
      'rectanglelabels',
      'field',
      x=10 / 1.5,
      y=20 / 1.4,
      width=50 / 1.5,
      height=70 / 1.4,
      rotation=0,
    ),
    region('keypointlabels', 'field', x=1, y=2, width=3),
  ]
  return [
    {
      'data': {'number': 5, 'image': f'/data/upload/3/0a1b2c3d-{name}'},
      'annotations': [
        {'was_cancelled': True, 'result': []},
        {'was_cancelled': False, 'result': regions},
      ],
    }
    for name in names
  ]


NAMES = [f's{i}.png' for i in range(6)]


@pytest.fixture
def photos(tmp_path):
  for i, name in enumerate(NAMES):
    save(tmp_path / 'images' / name, photograph(i))
  return tmp_path


def expected():
  label = np.zeros(SIZE, np.uint8)
  label[20:90, 10:60] = 1
  label[30:50, 30:40] = 2
  return label


@pytest.mark.parametrize('make', [coco, studio])
def test_labels_are_drawn(make, photos):
  (photos / 'annotations').mkdir()
  path = photos / 'annotations' / 'all.json'
  path.write_text(json.dumps(make(NAMES)))
  found = look(photos)
  assert found.table.names == ('background', 'field', 'tree')
  assert len(found.looks) == 6
  label = np.asarray(Image.open(photos / 'out/drawn_labels/images/s3.png'))
  np.testing.assert_array_equal(label, expected())
  note = finding(found, 'annotations')
  assert 'pixels in no shape' in note.text and '83.3%' in note.text
  assert finding(found, 'no outline').text.startswith('6 annotations')
  assert kinds(found, 'error') == set()
  # The same once more, with the labels already there.
  assert look(photos).splits == found.splits


def test_roboflow_puts_annotations_beside_the_images_of_each_split(tmp_path):
  for i, name in enumerate(NAMES):
    split = 'valid' if i < 2 else 'train'
    save(tmp_path / split / name, photograph(i))
  for split, names in (('valid', NAMES[:2]), ('train', NAMES[2:])):
    path = tmp_path / split / '_annotations.coco.json'
    path.write_text(json.dumps(coco(names)))
  found = look(tmp_path)
  assert sorted(found.splits) == ['train'] * 4 + ['val'] * 2
  assert len(finding(found, 'annotations').files) == 2


def test_run_lengths_of_the_whole_image(photos):
  annotations = coco(NAMES)
  counts = [SIZE[0] * 20, SIZE[0] * 10, SIZE[0] * (SIZE[1] - 30)]
  for each in annotations['annotations']:
    each['segmentation'] = {'size': [*SIZE], 'counts': counts}
  (photos / 'a.json').write_text(json.dumps(annotations))
  look(photos)
  label = np.asarray(Image.open(photos / 'out/drawn_labels/images/s0.png'))
  assert (label[:, 20:30] > 0).all() and label.sum() == label[:, 20:30].sum()


def test_a_background_that_is_annotated(photos):
  annotations = coco(NAMES)
  annotations['categories'][2]['name'] = 'Background'
  (photos / 'a.json').write_text(json.dumps(annotations))
  found = look(photos)
  assert found.table.names == ('background', 'field')
  label = np.asarray(Image.open(photos / 'out/drawn_labels/images/s0.png'))
  assert label[40, 35] == 0 and label[25, 15] == 1


def test_what_is_left_out_is_told(photos):
  annotations = coco([*NAMES[:4], 'gone.png'])
  annotations['annotations'][3]['segmentation'] = [[1, 2, 3]]
  (photos / 'a.json').write_text(json.dumps(annotations))
  (photos / 'b.json').write_text(json.dumps(coco(NAMES[:1])))
  (photos / 'other.json').write_text('{"a": 1}')
  (photos / 'broken.json').write_text('{"a": ')
  found = look(photos)
  assert finding(found, 'image missing').files == ('gone.png',)
  assert finding(found, 'annotated twice').files == ('images/s0.png',)
  assert 'images/s1.png (' in finding(found, 'damaged annotation').files[0]
  assert finding(found, 'not annotated').files == (
    'images/s4.png',
    'images/s5.png',
  )
  assert len(found.looks) == 2


def test_names_of_images_in_several_folders(photos):
  for i, name in enumerate(NAMES):
    save(photos / 'more' / name, photograph(10 + i))
  (photos / 'a.json').write_text(json.dumps(coco(NAMES, 'x/more/')))
  found = look(photos)
  assert {k.pair.image.parent.name for k in found.looks} == {'more'}
  (photos / 'a.json').write_text(json.dumps(coco(NAMES)))
  with pytest.raises(InputError, match='whose name several files have'):
    look(photos)


def test_labels_that_are_there_come_first(photos):
  (photos / 'a.json').write_text(json.dumps(coco(NAMES)))
  for name in NAMES:
    save(photos / 'masks' / name, 2 - expected())
  assert look(photos).table.names == ('class 0', 'class 1', 'class 2')
  chosen = look(photos, labels=photos / 'a.json')
  assert chosen.table.names == ('background', 'field', 'tree')


def test_an_edited_label_is_kept_unless_forced(photos):
  (photos / 'a.json').write_text(json.dumps(coco(NAMES)))
  look(photos)
  path = photos / 'out/drawn_labels/images/s0.png'
  save(path, np.ones(SIZE, np.uint8))
  with pytest.raises(InputError, match='replace it by --force'):
    look(photos)
  assert np.asarray(Image.open(path)).all()
  look(photos, force=True)
  np.testing.assert_array_equal(np.asarray(Image.open(path)), expected())


@pytest.mark.parametrize(
  ('text', 'words'),
  [
    ('{"images": 1}', 'is neither COCO nor'),
    ('[{"image": "a.jpg", "label": []}]', 'is neither COCO nor'),
    ('[', 'cannot be read as JSON'),
    (json.dumps(coco(NAMES, categories=[])), 'cannot be read as COCO'),
    (json.dumps(coco(NAMES, images=[{'id': 0}])), 'cannot be read as COCO'),
    (json.dumps(coco(NAMES, annotations=[])), 'outlines of 0 classes'),
    (json.dumps(coco(['x.png'])), 'that no file has'),
    (
      json.dumps([{'data': {'a': 'b'}, 'annotations': [{'result': 3}]}]),
      'cannot be read as Label Studio',
    ),
  ],
)
def test_what_is_refused(text, words, photos, capsys):
  path = photos / 'a.json'
  path.write_text(text)
  argv = ['init', str(photos), f'--labels={path}']
  assert main.main(argv) == 2
  (line,) = capsys.readouterr().err.splitlines()
  assert words in line and 'Traceback' not in line
  assert not (photos / 'magnet_jax').exists()


@pytest.mark.parametrize('side', [0, -3, 10**9])
def test_sizes_that_no_image_has(side, photos):
  annotations = coco(NAMES)
  for each in annotations['images']:
    each['height'] = side
  (photos / 'a.json').write_text(json.dumps(annotations))
  with pytest.raises(InputError, match='a shape that cannot be drawn'):
    look(photos)


def test_a_label_of_another_size_is_left_out(photos):
  annotations = coco(NAMES)
  annotations['images'][0]['height'] -= 1
  (photos / 'a.json').write_text(json.dumps(annotations))
  assert len(look(photos).looks) == 5
