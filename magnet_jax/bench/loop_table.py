"""The measurements of `bench` as text and as JSON."""

from collections.abc import Mapping, Sequence
import dataclasses

from magnet_jax.bench import loop_parts
from magnet_jax.bench.loop import Loop, Report

_NOT_SUMMED = (*loop_parts.IN_STEP, 'cut')


def by_stage(report: Report) -> dict[str, dict[int | None, float]]:
  """Returns seconds by part, then by stage (None: once per image)."""
  table: dict[str, dict[int | None, float]] = {}
  for part in loop_parts.PARTS:
    row = {t.stage: t.seconds for t in report.parts if t.part == part}
    if row:
      table[part] = row
  return table


def growth(loops: Sequence[Loop]) -> list[dict[str, float]]:
  """Returns time per window of each size, and its ratio to the smallest's."""
  rows: list[dict[str, float]] = []
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


def as_json(
  report: Report, settings: Mapping[str, object]
) -> dict[str, object]:
  """Returns all figures; `rows` as the other commands have them."""
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
  """Formats the figures as tables for the terminal."""
  loop = report.loops[0]
  stages: list[int | None] = [*range(len(loop.stages)), None]
  heads = [f'stage {number}' for number in stages[:-1]] + ['once', 'all']
  rule = ['-' * 8] * len(heads)
  lines = [_line('seconds', heads), _line('-' * 13, rule)]
  table = by_stage(report)
  for part, row in table.items():
    cells = [f'{row[s]:.3f}' if s in row else '' for s in stages]
    name = f'  {part}' if part in _NOT_SUMMED else part
    lines.append(_line(name, [*cells, f'{sum(row.values()):.3f}']))
  summed = [row for part, row in table.items() if part not in _NOT_SUMMED]
  sums = [sum(row.get(stage, 0.0) for row in summed) for stage in stages]
  real = [*loop.stages, loop.argmax, loop.seconds]
  lines += [
    _line('sum of parts', [f'{s:.3f}' for s in (*sums, sum(sums))]),
    _line('real loop', [f'{s:.3f}' for s in real]),
    _line('windows', [*map(str, loop.windows), '', str(sum(loop.windows))]),
  ]
  return '\n'.join([*lines, '', *_notes(report), *_sizes(report)])


def _line(name: str, cells: list[str]) -> str:
  return (name.ljust(13) + ''.join(c.rjust(10) for c in cells)).rstrip()


def _notes(report: Report) -> list[str]:
  loop = report.loops[0]
  return [
    f'{loop.size[0]}x{loop.size[1]}, {sum(loop.windows)} windows: '
    f'{loop.seconds:.2f} s from pixels to classes, without reading the file',
    f'besides the networks: {100 * report.besides_networks:.1f} % of it',
    f'compiled beforehand: {report.compiles} programs in '
    f'{report.compile_seconds:.1f} s; while timed: {report.late_compiles}',
    f'peak memory: {report.peak_mb:.0f} MB above the {report.before_mb:.0f} '
    'MB of the imports, with compiling and weights',
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


def columns(cells: Sequence[str], widths: Sequence[int]) -> str:
  """Formats a table's line: first cell to the left, the others to the right."""
  first, *rest = zip(cells, widths, strict=False)
  text = first[0].ljust(first[1])
  return (text + ''.join(cell.rjust(width) for cell, width in rest)).rstrip()
