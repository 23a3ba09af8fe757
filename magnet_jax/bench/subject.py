"""Which networks are timed: trained ones, or random ones of some settings."""

from collections.abc import Mapping
import dataclasses

from magnet_jax.evaluate import random_model
from magnet_jax.files import checkpoints
from magnet_jax.predict import model as models
from magnet_jax.predict.model import Model


@dataclasses.dataclass(frozen=True)
class Subject:
  """Networks that can be made in any precision, also in another process.

  Attributes:
    checkpoint: of trained networks; '' for random ones, of what follows.
    classes: C.
    segmenter: settings of `models.build.segmenter`.
    plan: the section `plan` of a config.
    refine: the section `refine` of a config.
  """

  checkpoint: str
  classes: int
  segmenter: Mapping[str, object]
  plan: Mapping[str, object]
  refine: Mapping[str, object]

  def model(self, dtype: str = '') -> Model:
    """Makes them.

    Args:
      dtype: 'float32' or 'bfloat16', of the computation; '' for their own.

    Raises:
      InputError: they cannot be read or do not fit their settings.
    """
    chosen: dict[str, object] = {'dtype': dtype} if dtype else {}
    if self.checkpoint:
      variables, meta = checkpoints.load(self.checkpoint)
      for name in ('segmenter', 'refiner') if chosen else ():
        meta = meta.override(name, **chosen)
      return models.from_variables(variables, meta, name=self.checkpoint)
    return random_model.make(
      num_classes=self.classes,
      segmenter={**self.segmenter, **chosen},
      refiner=chosen,
      plan=self.plan,
      refine=self.refine,
    )
