"""How long 3x3 convolutions take by tiles, and as XLA has them.

  taskset -c 0 python experiments/forward/convolutions.py

Both run in alternation; seconds are those of the processor.
"""

import time

import jax
import numpy as np

from magnet_jax.ops import winograd

# (height, width, channels before, after), and where they are.
SHAPES = {
  'OCR, pixels': (128, 256, 270, 512),
  'FPN, smooth4_1': (127, 127, 256, 256),
  'FPN, smooth4_2': (127, 127, 256, 128),
  'FPN, smooth3_1': (64, 64, 256, 256),
  'FPN, smooth2_1': (32, 32, 256, 256),
  'ResNet-50, layer2': (64, 64, 128, 128),
  'ResNet-50, layer3': (32, 32, 256, 256),
  'ResNet-50, layer4': (16, 16, 512, 512),
  'HRNet-W48, finest': (128, 256, 48, 48),
  'HRNet-W48, second': (64, 128, 96, 96),
  'HRNet-W48, third': (32, 64, 192, 192),
  'HRNet-W48, coarsest': (16, 32, 384, 384),
  'HRNet-W48, parting': (128, 256, 256, 48),
  'refiner, conv2': (127, 508, 64, 64),
}
REPEATS = 5


def main() -> None:
  """Prints a row for each shape."""
  print(f'{"convolution":20}{"XLA ms":>8}{"tiles ms":>9}{"ratio":>6} differs')
  rng = np.random.default_rng(0)
  for name, (height, width, before, after) in SHAPES.items():
    x = rng.standard_normal((1, height, width, before), np.float32)
    kernel = rng.standard_normal((3, 3, before, after), np.float32)
    given = jax.device_put((np.maximum(x, 0), kernel))
    ways = [jax.jit(way) for way in (winograd.direct, winograd.by_tiles)]
    wanted, found = (np.asarray(way(*given)) for way in ways)
    seconds: list[list[float]] = [[], []]
    for _ in range(REPEATS):
      for way, times in zip(ways, seconds, strict=True):
        start = time.process_time()
        way(*given).block_until_ready()
        times.append(1000 * (time.process_time() - start))
    one, other = map(min, seconds)
    differs = np.abs(found - wanted).max() / np.ptp(wanted)
    print(f'{name:20}{one:8.0f}{other:9.0f}{other / one:6.2f} {differs:.0e}')


if __name__ == '__main__':
  main()
