"""The measurements of `bench` as text and as JSON."""

from collections.abc import Mapping
import dataclasses
from typing import Any

from magnet_jax.evaluate import bench_parts
from magnet_jax.evaluate.bench import Loop, Report


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
    rows.append({
      'height': loop.size[0],
      'width': loop.size[1],
      'windows': windows,
      'seconds': loop.seconds,
      'seconds_per_window': each,
      'ratio': each / rows[0]['seconds_per_window'] if rows else 1.0,
    })
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
      'peak_above_imports': report.peak_mb, 'imports': report.before_mb
    },
    'settings': dict(settings),
  }  # fmt: skip


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
  lines.append(
    _line('sum of parts', [f'{s:.3f}' for s in [*sums, sum(sums)]])
  )
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
