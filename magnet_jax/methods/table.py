"""The table of methods: a new one is a file in this folder and a row here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import functools

from magnet_jax.filters.table import FILTERS
from magnet_jax.methods import (
  downsample,
  filtered,
  glnet,
  magnet,
  multiscale,
  patch,
  pointrend,
  starts,
)
from magnet_jax.methods.method import ALIGNED, FUSION, TUNED, Factory, Method
from magnet_jax.predict import correctors
from magnet_jax.predict.model import Model
from magnet_jax.types import InputError

METHODS: dict[str, Factory] = {
  'downsample': Factory(
    downsample.make,
    "the whole image at once, at the network's size",
    as_model=downsample.as_model,
  ),
  'patch': Factory(
    patch.make,
    'windows at one scale, by default full size, overlapped and blended',
    settings=('overlap', 'scale'),
    as_model=patch.as_model,
  ),
  'patch-best': Factory(
    patch.best,
    'the same at the scale that tune has found best',
    needs=(TUNED,),
    settings=('overlap',),
    as_model=patch.best_as_model,
  ),
  'multiscale': Factory(
    multiscale.make,
    'equal mean of the windows of all octaves, from the whole image',
    needs=(ALIGNED,),
  ),
  'magnet': Factory(
    magnet.make,
    'all stages, coarse to fine',
    needs=(FUSION,),
    as_model=magnet.as_model,
  ),
  'magnet-fast': Factory(
    magnet.fast,
    'the same in half of the time, or only the windows that score highest',
    # Its published form leaves out exactly the windows that it should refine.
    needs=(FUSION, ALIGNED),
    settings=('windows',),
    as_model=magnet.fast_as_model,
  ),
  'pointrend': Factory(
    pointrend.make,
    'windows whose least certain points a head of the segmenter decides',
    needs=(pointrend.HEAD,),
    settings=(*starts.SETTINGS, 'head_points'),
    as_model=pointrend.as_model,
  ),
  'glnet': Factory(
    glnet.make,
    'windows and the whole image by two branches that exchange features',
    needs=(glnet.BRANCHES,),
  ),
  # Slower than what they start from, so they are not made unasked.
  **{
    name: Factory(
      functools.partial(filtered.make, corrects),
      corrects.about,
      settings=(*starts.SETTINGS, *corrects.settings),
      usual=False,
      corrects=functools.partial(filtered.given, corrects),
    )
    for name, corrects in FILTERS.items()
  },
  **{
    correctors.shown(name): Factory(
      functools.partial(filtered.trained, name),
      row.about,
      needs=(filtered.need(name),),
      settings=starts.SETTINGS,
      usual=False,
      corrects=functools.partial(filtered.of_model, name),
    )
    for name, row in correctors.CORRECTORS.items()
  },
}
_ALL = 'all'
_REFERENCE = 'magnet'


def make(
  model: Model, names: Sequence[str] | None = None, **settings: object
) -> dict[str, Method]:
  """Makes methods of a model.

  Args:
    model: the networks.
    names: keys of METHODS, in any order; by default the usual ones that the
      model can do, and of 'all' alone, all that it can do.
    **settings: keyword arguments of the methods; each receives those that its
      row names.

  Returns:
    The methods by name, in the order of `names`.

  Raises:
    InputError: for no name, an unknown one, or a method whose needs the model
      does not meet; the message lists what can be chosen instead.
  """
  if names is None:
    names = usual(model)
  elif [*names] == [_ALL]:
    names = possible(model)
  if not names:
    raise InputError(f'--methods: names none; choose from {_listed(METHODS)}')
  for name in names:
    check(model, name, 'methods')
  return {
    name: METHODS[name](
      model,
      **{k: v for k, v in settings.items() if k in METHODS[name].settings},
    )
    for name in names
  }


def check(model: Model, name: str, flag: str) -> None:
  """Checks that a model can do a method.

  Args:
    model: the networks.
    name: of the method.
    flag: that names it.

  Raises:
    InputError: it is unknown, or the model does not meet its needs.
  """
  if name not in METHODS:
    raise InputError(
      f'--{flag}={name}: unknown; choose from {_listed(METHODS)}'
    )
  for need in METHODS[name].needs:
    if not need.met(model):
      others = (',' if flag == 'methods' else '|').join(possible(model))
      raise InputError(f'{name}: {need.otherwise}, or choose --{flag}={others}')


def check_used(settings: Iterable[str], names: Sequence[str]) -> None:
  """Raises InputError for a setting that none of some methods has."""
  for setting in settings:
    if not any(setting in METHODS[name].settings for name in names):
      which = [n for n, each in METHODS.items() if setting in each.settings]
      raise InputError(
        f'--{setting}: {_listed(names)} have no such setting; leave it out, or '
        f'add one of {_listed(which)}'
      )


def possible(model: Model) -> list[str]:
  """Returns the methods whose needs a model meets."""
  return [
    name
    for name, factory in METHODS.items()
    if all(need.met(model) for need in factory.needs)
  ]


def usual(model: Model) -> list[str]:
  """Returns those of them that are made where none is named."""
  return [name for name in possible(model) if METHODS[name].usual]


def reference(names: Sequence[str], wanted: str = '') -> str:
  """Returns the method that each other one is compared with.

  Args:
    names: of the methods, at least one.
    wanted: one of them; '' for the default, which is MagNet or, without it,
      the last name.

  Raises:
    InputError: the wanted one is not among them.
  """
  if wanted and wanted not in names:
    raise InputError(
      f'--reference={wanted}: is not among the methods; choose one of '
      f'{_listed(names)}'
    )
  return wanted or (_REFERENCE if _REFERENCE in names else names[-1])


def about(*, usual: bool = True) -> str:
  """Returns a line for the help per usual method, or per other one."""
  return '\n'.join(
    f'    {name:14}{factory.about}'
    for name, factory in METHODS.items()
    if factory.usual == usual
  )


def _listed(names: Iterable[str]) -> str:
  return ', '.join(names)
