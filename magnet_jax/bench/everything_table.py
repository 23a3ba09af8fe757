"""The measurement of everything as text and as JSON."""

from collections.abc import Mapping
import dataclasses

from magnet_jax.bench.everything import Everything
from magnet_jax.bench.loop_table import columns
from magnet_jax.bench.row import Row

_HEADS = (
  'what', 'precision', 'batch', 'seconds', 'per second', '', 'busy %',
  'hidden %', 'GFLOP/s', 'of product %', 'device MB', 'host MB',
)  # fmt: skip
_WIDTHS = (21, 10, 7, 10, 12, 10, 8, 10, 10, 14, 11, 9)
_NOTES = """
per second: of what follows; seconds: of one call, or the whole image
busy: share of the time in which the device computes
hidden: share of the host's cutting and merging that is done meanwhile
of product: operations per second relative to the matrix product's
device MB: the most so far in that process; a device without memory of its own
has none"""


def as_text(found: Everything) -> str:
  """Formats all rows as a table, with what is missing in it."""
  lines = [columns(_HEADS, _WIDTHS)]
  lines += [columns(_cells(row), _WIDTHS) for row in found.rows]
  lines += [f'{name}: {reason}' for name, reason in found.ended.items()]
  lines.append(_NOTES)
  on = found.measured_on
  if on:
    lines.append(
      f'JAX on {on.device}, {on.threads} threads of the host, load '
      f'{on.load:.1f}; {found.seconds:.0f} s in all'
    )
  return '\n'.join(lines)


def _cells(row: Row) -> list[str]:
  return [
    row.what,
    row.precision,
    '' if row.batch is None else str(row.batch),
    f'{row.seconds:.4f}',
    f'{row.per_second:.2f}',
    row.unit,
    _percent(row.busy),
    _percent(row.hidden),
    '' if row.flops is None else f'{row.flops / 1e9:.1f}',
    _percent(row.of_product),
    '' if row.device_mb is None else f'{row.device_mb:.0f}',
    '' if row.host_mb is None else f'{row.host_mb:.0f}',
  ]


def _percent(share: float | None) -> str:
  return '' if share is None else f'{100 * share:.0f}'


def as_json(
  found: Everything, settings: Mapping[str, object]
) -> dict[str, object]:
  """Returns all figures."""
  return dataclasses.asdict(found) | {'settings': dict(settings)}
