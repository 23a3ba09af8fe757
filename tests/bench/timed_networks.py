"""Networks for windows of 16x24, with random weights, that are timed."""

from magnet_jax.bench.subject import Subject

SUBJECT = Subject(
  '',
  3,
  {'name': 'unet', 'width': 4, 'levels': 1},
  {
    'network': (16, 24),
    'window': (0, 0),
    'factor': 2.0,
    'stages': 0,
    'scales': (),
    'overlap': 0.0,
  },
  {
    'points': 0.5,
    'selection': 'window',
    'kernel': 3,
    'windows': 1.0,
    'batch': 1,
  },
)
