"""Pictures of the stages of an image in memory."""

import numpy as np

from magnet_jax.cascade.cascade import StageResult
from magnet_jax.cascade.labels import predict
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.predict import thumbnails
from magnet_jax.predict.panel import StageView


def view(
  result: StageResult, name: str = '', valid: np.ndarray | None = None
) -> StageView:
  """Returns what a panel shows of a stage, or of a step with a name.

  It takes 6 bytes per pixel.

  Args:
    result: of the stage or step.
    name: of the step.
    valid: bool [H,W], False where the image has no data; None: nowhere.
  """
  found = StageView(
    title=name or thumbnails.title(result.stage),
    label=predict(result.probabilities),
    uncertainty=uncertainty(result.probabilities),
    points=result.chosen,
  )
  return found if valid is None else thumbnails.masked(found, valid)
