"""The measurements of `bench` as text and as JSON."""

from collections.abc import Mapping, Sequence
import dataclasses
import statistics
from typing import Any

from magnet_jax.evaluate import bench_parts
from magnet_jax.evaluate.bench import Loop, Report
from magnet_jax.evaluate.bench_forward import Forward
from magnet_jax.evaluate.bench_setting import Setting


def by_stage(report: Report) -> dict[str, dict[int | None, float]]:
  """Seconds by part, then by stage (None: once an image)."""
  table: dict[str, dict[int | None, float]] = {}
  for part in bench_parts.PARTS:
    for timing in report.parts:
      if timing.part == part:
        row = table.setdefault(part, {})
        row[timing.stage] = row.get(timing.stage, 0.0) + timing.seconds
  return table


def growth(loops: tuple[Loop, ...]) -> list[dict[str, Any]]:
  """Time a window of each size, and its ratio to that of the smallest."""
  rows: list[dict[str, Any]] = []
  for loop in sorted(loops, key=lambda loop: loop.size):
    windows = sum(loop.windows)
    each = loop.seconds / windows
    rows.append(
      {
        'height': loop.size[0],
        'width': loop.size[1],
        'windows': windows,
        'seconds': loop.seconds,
        'seconds_per_window': each,
        'ratio': each / rows[0]['seconds_per_window'] if rows else 1.0,
      }
    )
  return rows


def as_json(report: Report, settings: Mapping[str, Any]) -> dict[str, Any]:
  """All of it; `rows` as the other commands have them."""
  loop = report.loops[0]
  stages = [
    {'stage': number, 'seconds': seconds, 'windows': windows}
    for number, (seconds, windows) in enumerate(
      zip(loop.stages, loop.windows, strict=True)
    )
  ]
  row = {
    'method': report.method,
    'miou': None,
    'boundary_iou': None,
    'seconds': loop.seconds,
    'windows': sum(loop.windows),
    'peak_host_mb': report.peak_mb,
  }
  return {
    'rows': [row],
    'besides_networks': report.besides_networks,
    'stages': stages,
    'parts': [dataclasses.asdict(timing) for timing in report.parts],
    'sizes': growth(report.loops),
    'compile': {
      'count': report.compiles,
      'seconds': report.compile_seconds,
      'while_timed': report.late_compiles,
    },
    'memory_mb': {
      'peak_above_imports': report.peak_mb,
      'imports': report.before_mb,
    },
    'settings': dict(settings),
  }


def as_text(report: Report) -> str:
  """Tables for the terminal."""
  loop = report.loops[0]
  columns: list[int | None] = [*range(len(loop.stages)), None]
  heads = [f'stage {number}' for number in columns[:-1]] + ['once', 'all']
  lines = [_line('seconds', heads), _line('-' * 13, ['-' * 8] * len(heads))]
  for part, row in by_stage(report).items():
    cells = [f'{row[c]:.3f}' if c in row else '' for c in columns]
    lines.append(_line(part, [*cells, f'{sum(row.values()):.3f}']))
  sums = [
    sum(t.seconds for t in report.parts if t.stage == column)
    for column in columns
  ]
  lines.append(_line('sum of parts', [f'{s:.3f}' for s in [*sums, sum(sums)]]))
  real = [*loop.stages, loop.argmax, loop.seconds]
  lines.append(_line('real loop', [f'{s:.3f}' for s in real]))
  lines.append(
    _line('windows', [*map(str, loop.windows), '', str(sum(loop.windows))])
  )
  return '\n'.join([*lines, '', *_notes(report), *_sizes(report)])


def _line(name: str, cells: list[str]) -> str:
  return (name.ljust(13) + ''.join(c.rjust(10) for c in cells)).rstrip()


def _notes(report: Report) -> list[str]:
  loop = report.loops[0]
  return [
    f'{loop.size[0]}x{loop.size[1]}, {sum(loop.windows)} windows: '
    f'{loop.seconds:.2f} s, from pixels to classes, reading apart',
    f'besides the networks: {100 * report.besides_networks:.1f} % of it',
    f'compiled apart: {report.compiles} programs in '
    f'{report.compile_seconds:.1f} s; while timed: {report.late_compiles}',
    f'peak memory: {report.peak_mb:.0f} MB above the {report.before_mb:.0f} '
    'MB of the imports, compiling and weights included',
  ]


def _sizes(report: Report) -> list[str]:
  if len(report.loops) < 2:
    return []
  heads = ['windows', 'seconds', 's/window', 'ratio']
  lines = ['', _line('size', heads)]
  for row in growth(report.loops):
    cells = [
      str(row['windows']),
      f'{row["seconds"]:.2f}',
      f'{row["seconds_per_window"]:.3f}',
      f'{row["ratio"]:.3f}',
    ]
    lines.append(_line(f'{row["height"]}x{row["width"]}', cells))
  return lines


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


def forward_text(setting: Setting, rows: Sequence[Forward]) -> str:
  """The networks' times as a table, and what it was measured with."""
  compared = bool(setting.torch_version)
  heads = _HEADS + (_TORCH_HEADS if compared else ())
  lines = [_forward_line(heads)]
  for row in rows:
    # After the network, input and batch a reason takes the place of times.
    if row.skipped:
      lines.append(f'{_forward_line(_named(row))}   left out: {row.skipped}')
      continue
    cells = [*_named(row), *_figures(row, row.seconds)]
    if row.torch_seconds:
      cells += _compared(row)
    lines.append(_forward_line(cells))
  return '\n'.join([*lines, '', *_forward_notes(setting)])


def forward_json(
  setting: Setting, rows: Sequence[Forward], settings: Mapping[str, Any]
) -> dict[str, Any]:
  """All of it, times of every call too."""
  return {
    'forward': [
      dataclasses.asdict(row) | {'ratios': row.ratios} for row in rows
    ],
    'measured_on': dataclasses.asdict(setting),
    'settings': dict(settings),
  }


def _forward_line(cells: Sequence[str]) -> str:
  return columns(cells, _WIDTHS)


def columns(cells: Sequence[str], widths: Sequence[int]) -> str:
  """A line of a table: the first cell to the left, the others to the right."""
  first, *rest = zip(cells, widths, strict=False)
  text = first[0].ljust(first[1])
  return (text + ''.join(cell.rjust(width) for cell, width in rest)).rstrip()


def _named(row: Forward) -> list[str]:
  return [row.network, f'{row.size[0]}x{row.size[1]}', str(row.batch)]


def _figures(row: Forward, seconds: Sequence[float]) -> list[str]:
  """Parameters, operations, time, images and operations a second."""
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
  """PyTorch's speed, the ratio of the pairs, the logits' difference."""
  low, *_, high = row.ratios * 2
  return [
    *_speed(row, row.torch_seconds),
    f'{statistics.median(row.ratios):.2f}',
    f'({low:.2f}-{high:.2f})',
    f'{row.difference:.1e}',
  ]


def _forward_notes(setting: Setting) -> list[str]:
  lines = [
    'GFLOP: 1e9 operations an image, as XLA counts them; ms: a call, median',
    f'JAX on {setting.device}, {setting.threads} threads, {setting.dtype}',
  ]
  if setting.load > 2 * setting.threads:
    lines.append(f'other programs ran too (load {setting.load:.1f})')
    # They wait for each other after every layer: one that is held up holds up
    # all. With a load of 11, two took ten times as long as one.
    if setting.torch_threads > 1:
      lines[-1] += (
        ", which slows PyTorch's threads more than JAX's; OMP_NUM_THREADS=1 "
        'taskset -c 0 magnet-jax bench … compares fairly'
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
    f'{setting.torch_threads} threads, same weights, in turns with JAX',
    'ratio: time of JAX by time of PyTorch, median of the pairs of calls; '
    'difference: largest of the logits, relative to their range',
  ]
