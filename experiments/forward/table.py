"""Times of networks as text and as JSON."""

from collections.abc import Mapping, Sequence
import dataclasses
import statistics

from setting import Setting
from timing import Forward

from magnet_jax.bench import loop_table

_HEADS = (
  'network',
  'input',
  'batch',
  'M par.',
  'GFLOP',
  'ms',
  'image/s',
  'GFLOP/s',
)
_TORCH_HEADS = (
  'torch ms',
  'image/s',
  'GFLOP/s',
  'ratio',
  '(spread)',
  'difference',
)
_WIDTHS = (9, 9, 6, 8, 9, 9, 9, 9, 10, 9, 9, 7, 14, 12)


def as_text(setting: Setting, rows: Sequence[Forward]) -> str:
  """Formats the times as a table, with what they were measured on."""
  compared = bool(setting.torch_version)
  heads = _HEADS + (_TORCH_HEADS if compared else ())
  lines = [_line(heads)]
  for row in rows:
    # The reason takes the place of times.
    if row.skipped:
      lines.append(f'{_line(_named(row))}   left out: {row.skipped}')
      continue
    cells = [*_named(row), *_figures(row, row.seconds)]
    if row.torch_seconds:
      cells += _compared(row)
    lines.append(_line(cells))
  return '\n'.join([*lines, '', *_notes(setting)])


def as_json(
  setting: Setting, rows: Sequence[Forward], settings: Mapping[str, object]
) -> dict[str, object]:
  """Returns all figures, with the times of every call."""
  return {
    'forward': [
      dataclasses.asdict(row) | {'ratios': row.ratios} for row in rows
    ],
    'measured_on': dataclasses.asdict(setting),
    'settings': dict(settings),
  }


def _line(cells: Sequence[str]) -> str:
  return loop_table.columns(cells, _WIDTHS)


def _named(row: Forward) -> list[str]:
  return [row.network, f'{row.size[0]}x{row.size[1]}', str(row.batch)]


def _figures(row: Forward, seconds: Sequence[float]) -> list[str]:
  """Parameters, operations, time, images and operations per second."""
  return [
    f'{row.parameters / 1e6:.2f}',
    f'{row.flops / 1e9:.1f}',
    *_speed(row, seconds),
  ]


def _speed(row: Forward, seconds: Sequence[float]) -> list[str]:
  each = statistics.median(seconds) / row.batch
  return [
    f'{1e3 * each * row.batch:.1f}',
    f'{1 / each:.2f}',
    f'{row.flops / each / 1e9:.1f}',
  ]


def _compared(row: Forward) -> list[str]:
  """PyTorch's speed, the ratio over the pairs, the logits' difference."""
  low, *_, high = row.ratios * 2
  return [
    *_speed(row, row.torch_seconds),
    f'{statistics.median(row.ratios):.2f}',
    f'({low:.2f}-{high:.2f})',
    f'{row.difference:.1e}',
  ]


def _notes(setting: Setting) -> list[str]:
  machine = setting.machine
  lines = [
    'GFLOP: 1e9 operations per image, as XLA counts them; ms: per call, median',
    f'JAX on {machine.device}, {machine.threads} threads, {setting.dtype}',
  ]
  if machine.load > 2 * machine.threads:
    lines.append(f'other programs ran too (load {machine.load:.1f})')
    # Its threads wait for each other after every layer, so a delayed one
    # delays all: with a load of 11, two took ten times as long as one.
    if setting.torch_threads > 1:
      lines[-1] += (
        ", which slows PyTorch's threads more than JAX's; OMP_NUM_THREADS=1 "
        'taskset -c 0 python … compares fairly'
      )
  if not setting.torch_version:
    return [
      *lines,
      "PyTorch is not installed; pip install 'magnet-jax[convert]' and run "
      'again to compare with it',
    ]
  return [
    *lines,
    f'PyTorch {setting.torch_version} on {setting.torch_device}, '
    f'{setting.torch_threads} threads, same weights, alternating with JAX',
    'ratio: time of JAX divided by that of PyTorch, median over pairs of '
    'calls; difference: largest of the logits, relative to their range',
  ]
