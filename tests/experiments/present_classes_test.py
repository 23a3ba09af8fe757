import json

import numpy as np
import present_classes
import pytest


def test_a_class_without_labels_is_left_out_but_not_its_pixels():
  matrix = np.array([[8, 0, 2], [0, 10, 0], [0, 0, 0]])
  assert present_classes.present_iou(matrix) == pytest.approx((0.8 + 1) / 2)


def test_methods_are_compared_with_patch(tmp_path, capsys):
  matrices = {'guided': [[9, 1], [0, 10]], 'patch': [[5, 5], [0, 10]]}
  rows = [
    {'image': image, 'method': method, 'miou': 0.5, 'confusion': matrix}
    for image in ('a', 'b')
    for method, matrix in matrices.items()
  ]
  path = tmp_path / 'records.jsonl'
  path.write_text('\n'.join(json.dumps(row) for row in rows) + '\n')
  present_classes.main(str(path))
  header, guided, patch = capsys.readouterr().out.splitlines()
  assert header.endswith('minus patch')
  gain = 100 * ((0.9 + 10 / 11) / 2 - (0.5 + 10 / 15) / 2)
  assert guided.split()[:5] == [
    'guided',
    '50.0',
    '90.5',
    '95.0',
    f'{gain:+.1f}',
  ]
  assert patch.split() == ['patch', '50.0', '58.3', '75.0']
