"""Files of annotation tools, of which something is malformed."""

import json

from fuzz_case import Case, Special
from fuzz_files import Seeds
from fuzz_mutations import damaged_json
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

_NUMBERS = (3, 17)
_COCO = {
  'images': [
    {'id': n, 'file_name': f'{n}.png', 'height': 40, 'width': 48}
    for n in _NUMBERS
  ],
  'categories': [{'id': 1, 'name': 'field'}, {'id': 2, 'name': 'road'}],
  'annotations': [
    {
      'image_id': 3,
      'category_id': 1,
      'segmentation': [[2.5, 3, 40, 3, 40, 30.5, 2, 30]],
    },
    {
      'image_id': 17,
      'category_id': 2,
      'segmentation': {'size': [40, 48], 'counts': [400, 20, 1500]},
    },
    {
      'image_id': 17,
      'category_id': 1,
      'segmentation': {'size': [40, 48], 'counts': 'PYo02ok0'},
    },
  ],
}


def _region(kind: str, **value: object) -> dict[str, object]:
  sides = {'original_height': 40, 'original_width': 48}
  return {**sides, 'type': kind, 'value': {**value, kind: ['field']}}


_TASKS = [
  {
    'data': {'image': f'/data/upload/1/0123abcd-{n}.png'},
    'annotations': [
      {
        'was_cancelled': False,
        'result': [
          _region('polygonlabels', points=[[1, 1], [90, 2], [50, 80]]),
          _region(
            'rectanglelabels', x=5, y=6, width=30, height=20, rotation=15
          ),
          _region(
            'ellipselabels', x=50, y=50, radiusX=10, radiusY=20, rotation=0
          ),
          _region('brushlabels', format='rle', rle=[0, 0, 30, 0, 231, 1, 2]),
        ],
      }
    ],
  }
  for n in _NUMBERS
]


@st.composite
def annotations(draw: DrawFn, seeds: Seeds) -> Case:
  """Draws images with a malformed file of annotations."""
  document = draw(st.sampled_from((_COCO, _TASKS)))
  files: dict[str, bytes | Special] = {
    'd/3.png': Special('seed', 'a.png'),
    'd/17.png': Special('seed', 'palette.png'),
    'd/a.json': draw(damaged_json(document)),
  }
  if draw(st.integers(0, 4)) == 0:
    files['d/b.json'] = json.dumps(_TASKS).encode()
  more = draw(st.sampled_from(((), ('--labels=d/a.json',))))
  return Case('annotations', ('init', 'd', '--out=o', *more), files)
