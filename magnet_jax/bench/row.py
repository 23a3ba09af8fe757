"""One row of the table that all measurements share."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Row:
  """A measurement; what it does not measure is None.

  Attributes:
    what: is done.
    unit: what is counted per second.
    seconds: that it took.
    per_second: units per second.
    precision: a name of `precisions.PRECISIONS`.
    batch: at a time; None where that does not apply.
    flops: operations per second and device, as XLA counts them.
    of_product: these relative to those of a large matrix product.
    busy: share of the time in which the device computes.
    hidden: share of the host's work that is done meanwhile.
    device_mb: the most memory that the process has used on the device until
      then, 1e6 bytes; None where the device has the host's.
    host_mb: likewise on the host.
  """

  what: str
  unit: str
  seconds: float
  per_second: float
  precision: str
  batch: int | None = None
  flops: float | None = None
  of_product: float | None = None
  busy: float | None = None
  hidden: float | None = None
  device_mb: float | None = None
  host_mb: float | None = None
