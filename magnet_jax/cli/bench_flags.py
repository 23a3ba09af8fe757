"""The flags of `magnet-jax bench`."""

import functools

from absl import flags

from magnet_jax import ranges
from magnet_jax.bench import precisions
from magnet_jax.bench.subject import Subject
from magnet_jax.cli import command_line
from magnet_jax.models import build
from magnet_jax.types import InputError

# What is measured, and the flag that chooses it.
_MODES = {'loop': '', 'throughput': '--throughput', 'all': '--all'}
# Where the flags of a group, or single ones, work; the others work always.
_WHERE = {
  'calls': ('throughput', 'all'),
  'image': ('loop',),
  'windows of the loop': ('loop',),
  'size': ('loop', 'all'),
  'minutes': ('all',),
}


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  flags.DEFINE_boolean(
    'throughput',
    False,
    'measure windows per second of one stage, instead of the loop',
    flag_values=values,
    module_name='what to measure',
  )
  flags.DEFINE_boolean(
    'all',
    False,
    'measure everything within --minutes, in one table',
    flag_values=values,
    module_name='what to measure',
  )
  flags.DEFINE_float(
    'minutes',
    8.0,
    'X: of --all',
    flag_values=values,
    module_name='what to measure',
  )
  _define_image(values, 'image')
  _define_networks(values, 'networks of the loop')
  _define_refinement(values, 'refinement')
  _define_windows(values, 'windows of the loop')
  _define_calls(values, 'calls')
  _define_measuring(values, 'measuring')


def _define_image(values: flags.FlagValues, group: str) -> None:
  text = functools.partial(
    flags.DEFINE_string, flag_values=values, module_name=group
  )
  text(
    'size', '2448', 'HxW: size of a generated image, or one side of a square'
  )
  text('image', '', 'FILE: image to use instead')
  text(
    'sizes',
    '',
    'H,H,…: also times the loop at these sizes, to show that time grows with '
    'the number of windows',
  )


def _define_networks(values: flags.FlagValues, group: str) -> None:
  bound = {'flag_values': values, 'module_name': group}
  text = functools.partial(flags.DEFINE_string, **bound)
  number = functools.partial(flags.DEFINE_integer, **bound)
  text(
    'checkpoint',
    '',
    'PATH|NAME: trained networks and their settings, as segment --checkpoint, '
    'instead of the flags of this group',
  )
  text('network', '612', 'HxW: input of the networks')
  trunks = ', '.join(build.TRUNKS['fpn'])
  text('trunk', 'resnet50', f'NAME: one of {trunks}')
  number(
    'width',
    None,
    'N: features of the first level of a ResNet; its usual number if not given',
  )
  number('classes', 7, 'N: number of classes')
  flags.DEFINE_float(
    'factor', 2.0, 'X: growth of a side from stage to stage', **bound
  )


def _define_refinement(values: flags.FlagValues, group: str) -> None:
  bound = {'flag_values': values, 'module_name': group}
  flags.DEFINE_string(
    'points',
    '0.75',
    'K: points replaced per window, a fraction or a count',
    **bound,
  )
  flags.DEFINE_integer('kernel', 5, 'N: side of the median filter', **bound)


def _define_windows(values: flags.FlagValues, group: str) -> None:
  bound = {'flag_values': values, 'module_name': group}
  flags.DEFINE_string(
    'selection',
    'window',
    'window|image: whether K counts per window or per stage',
    **bound,
  )
  flags.DEFINE_string(
    'windows',
    '1.0',
    'SHARE: windows that are refined, as segment --windows',
    **bound,
  )
  flags.DEFINE_integer(
    'batch',
    0,
    'N: windows per device at a time; 0: as many as fit',
    **bound,
  )


def _define_calls(values: flags.FlagValues, group: str) -> None:
  text = functools.partial(
    flags.DEFINE_string, flag_values=values, module_name=group
  )
  text(
    'batches',
    '1,4,16',
    'N,…: windows per device at a time; 0: as many as fit; with --all up to 64 '
    'on a GPU, else up to 4, if not given',
  )
  text(
    'dtypes',
    '',
    'NAME,…: precisions of the computation: float32, bfloat16 or, on a GPU, '
    'tf32; by default float32, on a GPU all',
  )


def _define_measuring(values: flags.FlagValues, group: str) -> None:
  bound = {'flag_values': values, 'module_name': group}
  flags.DEFINE_integer(
    'repeats',
    3,
    'N: number of timed calls of what is timed apart from the loop',
    **bound,
  )
  flags.DEFINE_string('json', '', 'FILE: write all figures to it', **bound)


def mode(values: flags.FlagValues) -> str:
  """Returns what is measured: 'loop', 'throughput' or 'all'."""
  if values.all:
    return 'all'
  return 'throughput' if values.throughput else 'loop'


def check_groups(values: flags.FlagValues) -> None:
  """Rejects flags that the chosen measurement would ignore.

  Raises:
    InputError: for such a flag, or minutes that are out of range.
  """
  if values.all and values.throughput:
    raise InputError('--all --throughput: all is more; leave one of them out')
  chosen = mode(values)
  for group, members in values.flags_by_module_dict().items():
    for flag in members:
      where = _WHERE.get(flag.name, _WHERE.get(group, _MODES))
      if not flag.present or chosen in where:
        continue
      text = f'--{flag.name}={flag.value}'
      if chosen != 'loop' and 'loop' in where:
        raise InputError(
          f'{text}: does not work with {_MODES[chosen]}, which chooses its own '
          'windows; leave one of them out'
        )
      wanted = ' or '.join(_MODES[each] for each in where)
      raise InputError(f'{text}: needs {wanted}; add it, or leave this out')
  ranges.check('minutes', values.minutes, f'--minutes={values.minutes}')


def subject(values: flags.FlagValues) -> Subject:
  """Returns the networks that the flags describe.

  Raises:
    InputError: for a flag that is no number or size.
  """
  # Trunks of other kinds have none.
  width = {} if values.width is None else {'width': values.width}
  return Subject(
    checkpoint=values.checkpoint,
    classes=values.classes,
    segmenter={'trunk': values.trunk, **width},
    plan={
      'network': command_line.size(values.network, 'network'),
      'window': (0, 0),
      'factor': values.factor,
      'stages': 0,
      'scales': (),
      'overlap': 0.0,
    },
    refine={
      'points': command_line.share(values.points, 'points'),
      'selection': values.selection,
      'kernel': values.kernel,
      'windows': command_line.windows(values.windows, 'windows'),
      'batch': values.batch,
    },
  )


def dtypes(values: flags.FlagValues) -> list[str]:
  """Returns the requested precisions.

  Raises:
    InputError: for an unknown precision.
  """
  found = _words(values.dtypes, 'dtypes')
  for name in found:
    if name not in precisions.PRECISIONS:
      raise InputError(
        f'--dtypes={values.dtypes}: {name!r} must be one of '
        f'{", ".join(precisions.PRECISIONS)}'
      )
  return found


def batches(values: flags.FlagValues) -> list[int]:
  """Returns the requested batch sizes; 0 is as many as fit.

  Raises:
    InputError: for anything but whole numbers in range.
  """
  found = _words(values.batches, 'batches')
  return [command_line.whole(word, 'batches') for word in found]


def _words(text: str, flag: str) -> list[str]:
  """The comma-separated words of a flag, at least one."""
  found = [word.strip() for word in text.split(',') if word.strip()]
  if not found:
    raise InputError(f'--{flag}={text}: is empty; name at least one')
  return found
