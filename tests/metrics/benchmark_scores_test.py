"""Scores against the benchmarks' own scripts and rules."""

import numpy as np
import pytest

from magnet_jax.data import classes
from magnet_jax.datasets import cityscapes
from magnet_jax.metrics import boundary, confusion

CITY = classes.TABLES['cityscapes']
IDS = np.array([ids[0] for ids in cityscapes.CODES.classes])


@pytest.fixture(scope='module')
def official():
  """The official script, alone: what it draws with is not needed."""
  pytest.importorskip('pyquaternion')
  with pytest.MonkeyPatch.context() as patch:
    patch.delenv('CITYSCAPES_DATASET', raising=False)
    return pytest.importorskip(
      'cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling',
      reason='pip install --no-deps cityscapesscripts pyquaternion',
    )


def official_matrix(script, ids, prediction):
  """The official confusion of label ids: [34,34] and its settings."""
  args = script.args
  args.evalInstLevelScore, args.evalPixelAccuracy = False, False
  matrix = script.generateMatrix(args)
  np.add.at(matrix, (ids.reshape(-1), prediction.reshape(-1)), 1)
  return matrix, args


@pytest.mark.parametrize('seed', range(4))
def test_class_and_category_iou_equal_the_official_script(
  official, seed, tmp_path
):
  rng = np.random.default_rng(seed)
  present = rng.choice(34, 3 + 10 * seed, replace=False)
  ids = rng.choice(present, (40, 50))
  guess = rng.integers(0, 19, ids.shape).astype(np.uint8)
  # Half of the classes of seed 0 are neither labelled nor predicted.
  guess = guess // 2 if seed == 0 else guess
  matrix, args = official_matrix(official, ids, IDS[guess])
  lookup = np.full(34, 255, np.uint8)
  lookup[IDS] = np.arange(19)
  ours = confusion.confusion_matrix(lookup[ids], guess, 19)

  by_class = {
    official.id2label[i].name: official.getIouScoreForLabel(i, matrix, args)
    for i in args.evalLabels
  }
  np.testing.assert_allclose(
    confusion.iou(ours), [by_class[name] for name in CITY.names]
  )
  mean = official.getScoreAverage(by_class, args)
  assert confusion.mean_iou(ours) == pytest.approx(mean)

  by_category = {
    name: official.getIouScoreForCategory(name, matrix, args)
    for name in official.category2labels
  }
  merged = confusion.merge_classes(ours, classes.categories(CITY))
  names = list(dict.fromkeys(classes.categories(CITY)))
  np.testing.assert_allclose(
    confusion.iou(merged), [by_category[name] for name in names]
  )
  mean = official.getScoreAverage(by_category, args)
  assert confusion.mean_iou(merged) == pytest.approx(mean)


def test_the_table_equals_the_official_one(official):
  for label in official.labels:
    if label.trainId in (-1, 255):
      assert label.id in (*cityscapes.CODES.ignored, -1)
    else:
      assert cityscapes.CODES.classes[label.trainId] == (label.id,)
      assert CITY.names[label.trainId] == label.name
      assert CITY.colours[label.trainId] == label.color
      assert classes.categories(CITY)[label.trainId] == label.category


def slow_merge(matrix, categories):
  names = list(dict.fromkeys(categories))
  merged = np.zeros((len(names), len(names)), np.int64)
  for row, column in np.ndindex(matrix.shape):
    place = names.index(categories[row]), names.index(categories[column])
    merged[place] += matrix[row, column]
  return merged


def test_categories_sum_their_classes():
  matrix = np.random.default_rng(0).integers(0, 99, (19, 19))
  merged = confusion.merge_classes(matrix, classes.categories(CITY))
  np.testing.assert_array_equal(
    merged, slow_merge(matrix, classes.categories(CITY))
  )
  assert merged.shape == (7, 7)
  assert classes.categories(classes.TABLES['dubai']) == ()


def slow_scores(label, prediction, count):
  """Accuracy and weighted IoU, class by class."""
  weighted = 0.0
  for index in range(count):
    truth, guess = label == index, (prediction == index) & (label != 255)
    union = (truth | guess).sum()
    if union:
      weighted += truth.sum() * (truth & guess).sum() / union
  known = label != 255
  return (label == prediction)[known].mean(), weighted / known.sum()


def test_accuracy_and_weighted_iou_equal_the_loop():
  rng = np.random.default_rng(0)
  label = rng.choice(np.array([0, 1, 2, 4, 255], np.uint8), (40, 30))
  prediction = rng.integers(0, 5, label.shape).astype(np.uint8)
  prediction[::2] = np.where(label == 255, 3, label)[::2]
  matrix = confusion.confusion_matrix(label, prediction, 6)
  accuracy, weighted = slow_scores(label, prediction, 6)
  assert confusion.pixel_accuracy(matrix) == pytest.approx(accuracy)
  assert confusion.frequency_weighted_iou(matrix) == pytest.approx(weighted)
  empty = np.zeros((3, 3), np.int64)
  assert np.isnan(confusion.pixel_accuracy(empty))
  assert np.isnan(confusion.frequency_weighted_iou(empty))


def test_unknown_ground_of_deepglobe_is_ignored_by_the_challenge():
  label = np.array([[0, 0, 0, 1, 1, 2]], np.uint8)
  prediction = np.array([[1, 1, 0, 1, 0, 2]], np.uint8)
  matrix = confusion.confusion_matrix(label, prediction, 3)
  # In the papers unknown ground is a mistake where it is given a class.
  assert confusion.mean_iou(matrix, (0,)) == pytest.approx((1 / 4 + 1) / 2)
  known = confusion.without_truth(matrix, (0,))
  assert confusion.mean_iou(known, (0,)) == pytest.approx((1 / 2 + 1) / 2)
  ignored = confusion.confusion_matrix(
    np.where(label == 0, np.uint8(255), label), prediction, 3
  )
  np.testing.assert_array_equal(known, ignored)
  assert matrix[0].tolist() == [1, 2, 0]


def test_counts_beyond_32_and_53_bits_stay_exact():
  matrix = np.array([[2**53, 1], [3, 2**33]], np.int64)
  merged = confusion.merge_classes(matrix, ('a', 'a'))
  assert merged[0, 0] == 2**53 + 2**33 + 4
  assert confusion.without_truth(matrix, (0,))[1].tolist() == [3, 2**33]
  assert confusion.iou(np.array([[2**32, 0], [2**32, 0]]))[0] == 0.5


def test_boundaries_of_one_long_row_are_counted_exactly():
  """More than 2**24 pixels: float32, which OpenCV counts in, would stop."""
  label = np.zeros((1, 2**24 + 5), np.uint8)
  counts = boundary.boundary_counts(label, label, 1, width=1)
  assert counts.tolist() == [[label.size, label.size]]
