"""Tables and paired gains from records."""

import pytest
import toy_model

from magnet_jax.evaluate import measuring, results
from magnet_jax.methods import table


def test_differences_are_of_the_reference_in_the_order_asked_for():
  def record(image, method, miou):
    return {'image': image, 'method': method, 'miou': miou, 'boundary_iou': 0}

  found = [
    record(image, method, miou + n / 100)
    for n, image in enumerate('abc')
    for method, miou in (('new', 0.2), ('patch', 0.5), ('magnet', 0.6))
  ]
  names = list(results.differences(found, 'patch', ('magnet', 'patch')))
  assert names == [
    'patch - magnet, mIoU',
    'patch - new, mIoU',
    'patch - magnet, boundary IoU',
    'patch - new, boundary IoU',
  ]
  values = results.differences(found, 'patch')
  assert values['patch - magnet, mIoU'].mean == pytest.approx(-0.1)
  assert values['patch - new, mIoU'].mean == pytest.approx(0.3)
  assert results.differences(found, 'absent') == {}
  # In an interrupted run two methods may have no image in common.
  lonely = [*found, record('d', 'late', 0.5)]
  assert results.differences(lonely, 'late') == {}


def test_the_summary_has_the_order_and_the_reference():
  names = ('magnet', 'downsample')
  model = toy_model.make()
  found = list(
    measuring.evaluate(
      [toy_model.sample(seed) for seed in range(2)],
      table.make(model, names),
      model.classes,
    )
  )
  content = results.as_json(found, model.classes, 'downsample', names[::-1])
  assert content['reference'] == 'downsample'
  assert [row['method'] for row in content['rows']] == list(names[::-1])
  assert list(content['figures']) == list(names[::-1])
  assert 'downsample - magnet, mIoU' in content['differences']
  text = results.as_text(
    found, model.classes, 'magnet', names, every=True
  ).splitlines()
  assert text[2].split()[0] == 'magnet' and text[3].split()[0] == 'downsample'
  assert any(line.startswith('magnet - downsample, mIoU') for line in text)
  assert any('pixel accuracy' in line for line in text)
