"""What the user should know of a converted network, one line each."""

from magnet_jax.models import cascade_psp, refiner
from magnet_jax.types import Meta
from magnet_jax.weights import torch_colours, torch_states, torch_templates

_SHOWN = {
  'caffe': 'blue first, 0 to 255 less the mean, and halves the resolution in '
  'first convolutions',
  'blue_first': 'blue first',
}
_RED_FIRST = {
  'pointrend': 'in Detectron2 set INPUT.FORMAT RGB, these MODEL.PIXEL_MEAN and '
  'PIXEL_STD, and MODEL.RESNETS.STRIDE_IN_1X1 False',
  'segfix': 'leave these two out where every key must have a place, and show '
  'images red first',
}


def found(source: torch_states.Source) -> tuple[str, ...]:
  """Returns what a file's network does that its weights do not tell.

  Args:
    source: what was read.
  """
  shown = _SHOWN.get(source.settings.get('colours', ''))
  if shown is None:
    return ()
  return (f'is shown colours as the published network: {shown}',)


def lost(kind: str, meta: Meta, network: str) -> tuple[str, ...]:
  """Returns what a network does here that its file cannot express.

  Args:
    kind: of the network, as for `torch_templates.network`.
    meta: of it.
    network: a key of `torch_names.NAMES`.
  """
  if kind == 'refiner' and meta.section('refiner').get('prior'):
    return (
      'this refiner has a prior (config.refiner.prior): in PyTorch add '
      f'log((scale + coarse) / 2 + {refiner.FLOOR}) to its logits',
    )
  settings = torch_templates.settings(kind, meta)
  if network == 'cascade_psp' and settings.get('prior'):
    return (
      f'this network has a prior (prior of its settings): in PyTorch add '
      f'{cascade_psp.PRIOR:g} times the mask given to its logits',
    )
  if torch_colours.keys(network, settings):
    keys = ' and '.join(torch_colours.KEYS)
    return (f'{keys} say how it sees colours: {_RED_FIRST[network]}',)
  return ()
