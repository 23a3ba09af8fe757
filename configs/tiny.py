"""The smallest config: for tests, and to try the commands quickly on a CPU.

Source: none; four steps teach nothing.
Command: magnet-jax train --config=tiny --workdir=/tmp/tiny
Time: under a minute, nearly all of it compiling.
Score: chance level.
"""

import ml_collections

from magnet_jax.configs import default


def get_config() -> ml_collections.ConfigDict:
  """Returns the smallest settings that use every part."""
  config = default.get_config()
  config.data.scene_size = (96, 96)
  config.data.train_scenes = 4
  config.data.val_scenes = 2
  config.data.test_scenes = 2
  config.data.cache_mb = 10
  config.plan.network = (32, 32)
  config.refine.kernel = 3
  config.segmenter.width = 4
  config.segmenter.pyramid = 8
  config.segmenter.head = 4
  config.refiner.width = 4
  config.correctors.deep_guided.width = 4
  config.correctors.iterative.width = 4
  config.correctors.iterative.times = 2
  cascade_psp = config.correctors.cascade_psp
  cascade_psp.width = 4
  cascade_psp.features = 8
  cascade_psp.widths = (4, 4, 4)
  cascade_psp.side = 32
  cascade_psp.margin = 2
  config.correctors.segfix.width = 4
  config.correctors.segfix.head = 4
  config.correctors.segfix.window = (32, 32)
  for training in config.train.values():
    training.steps = 4
    training.batch = 2
    training.warmup = 1
    training.validate_every = 2
    training.validation_batches = 1
  return config
