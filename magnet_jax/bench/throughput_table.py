"""Windows per second as text and as JSON."""

from collections.abc import Mapping, Sequence
import dataclasses

from magnet_jax.bench.loop_table import columns
from magnet_jax.bench.machine import Machine
from magnet_jax.bench.throughput import Throughput

_HEADS = (
  'dtype',
  'batch',
  'windows',
  'windows/s',
  '(spread)',
  'busy %',
  'hidden %',
  'GFLOP/s',
  'of product %',
)
_WIDTHS = (9, 7, 9, 11, 18, 8, 10, 11, 14)


def as_text(machine: Machine, rows: Sequence[Throughput]) -> str:
  """Formats the rows as a table, with what they were measured on."""
  lines = [columns(_HEADS, _WIDTHS)]
  for row in rows:
    speeds = [row.windows / seconds for seconds in row.seconds]
    rate = row.per_second * row.flops / row.devices
    cells = [
      row.dtype,
      str(row.batch),
      str(row.windows),
      f'{row.per_second:.2f}',
      f'({min(speeds):.2f}-{max(speeds):.2f})',
      f'{100 * row.busy:.0f}',
      f'{100 * row.hidden:.0f}',
      f'{rate / 1e9:.1f}',
      f'{100 * row.of_product:.0f}',
    ]
    lines.append(columns(cells, _WIDTHS))
  products = {row.dtype: row.product for row in rows}
  each = ', '.join(f'{v / 1e9:.0f} GFLOP/s in {k}' for k, v in products.items())
  devices = rows[0].devices if rows else 0
  return '\n'.join(
    [
      *lines,
      '',
      'batch: windows per device at a time; windows/s: of the whole loop over '
      'a stage, median',
      'busy: time of the compiled step alone, as a share of the loop; hidden: '
      "share of the host's cutting and",
      'merging that is done meanwhile; of product: operations per second '
      'relative to a large matrix product:',
      each,
      f'JAX on {devices} x {machine.device}, {machine.threads} threads of the '
      f'host, load {machine.load:.1f}',
    ]
  )


def as_json(
  machine: Machine, rows: Sequence[Throughput], settings: Mapping[str, object]
) -> dict[str, object]:
  """Returns all figures, with the times of every loop."""
  return {
    'windows': [
      dataclasses.asdict(row)
      | {
        'per_second': row.per_second,
        'busy': row.busy,
        'hidden': row.hidden,
        'of_product': row.of_product,
      }
      for row in rows
    ],
    'measured_on': dataclasses.asdict(machine),
    'settings': dict(settings),
  }
