"""The flags of `magnet-jax bench`, and what they say."""

import functools

from absl import flags

from magnet_jax.evaluate import bench_networks
from magnet_jax.models import build
from magnet_jax.types import InputError

LOOP, FORWARD, THROUGHPUT = 'loop', 'forward', 'throughput'
# The groups of flags, and which measurements look at each.
_GROUPS = {
  'what to measure': (LOOP, FORWARD, THROUGHPUT),
  'image': (LOOP,),
  'networks of the loop': (LOOP, THROUGHPUT),
  'refinement': (LOOP, THROUGHPUT),
  'windows of the loop': (LOOP,),
  'networks alone': (FORWARD,),
  'calls': (FORWARD, THROUGHPUT),
  'measuring': (LOOP, FORWARD, THROUGHPUT),
}


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  text = functools.partial(flags.DEFINE_string, flag_values=values)
  number = functools.partial(flags.DEFINE_integer, flag_values=values)
  group = 'what to measure'
  switch = functools.partial(flags.DEFINE_boolean, flag_values=values)
  switch(
    FORWARD, False, 'the networks alone instead of the loop', module_name=group
  )
  switch(
    THROUGHPUT,
    False,
    'windows a second of one stage instead of the loop',
    module_name=group,
  )
  group = 'image'
  text(
    'size',
    '2448',
    'HxW: size of a made image, or one side of a square',
    module_name=group,
  )
  text('image', '', 'FILE: an image to take instead', module_name=group)
  text(
    'sizes',
    '',
    'H,H,…: times the loop at these sizes too, to see that '
    'time grows with the windows',
    module_name=group,
  )
  group = 'networks of the loop'
  text(
    'checkpoint',
    '',
    'PATH: trained networks and their settings, instead '
    'of the flags of this group',
    module_name=group,
  )
  text('network', '612', 'HxW: input of the networks', module_name=group)
  text('trunk', 'resnet50', 'NAME: resnet18, 34, 50 or 101', module_name=group)
  number('width', 64, 'N: features of its first level', module_name=group)
  number('classes', 7, 'N: number of classes', module_name=group)
  flags.DEFINE_float(
    'factor',
    2.0,
    'X: growth of a side from stage to stage',
    flag_values=values,
    module_name=group,
  )
  group = 'refinement'
  text(
    'points',
    '0.75',
    'K: points that a window replaces, a fraction or a count',
    module_name=group,
  )
  number('kernel', 5, 'N: side of the median filter', module_name=group)
  group = 'windows of the loop'
  text('selection', 'window', 'window|image: where K counts', module_name=group)
  text(
    'windows',
    '1.0',
    'SHARE: of the windows that are refined, the most '
    'uncertain first; a fraction or a count',
    module_name=group,
  )
  number(
    'batch',
    0,
    'N: windows a device holds at a time; 0: as many as fit',
    lower_bound=0,
    module_name=group,
  )
  group = 'networks alone'
  text(
    'networks',
    ','.join(bench_networks.NETWORKS),
    'NAME,…: which, of trunks such as ResNet-18 to -101, HRNets and others',
    module_name=group,
  )
  flags.DEFINE_float(
    'max_gb',
    0.0,
    'X: leaves out what needs more memory (1e9 bytes); 0: than is free',
    lower_bound=0.0,
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_float(
    'max_seconds',
    0.0,
    'X: leaves out a batch whose call would take longer; 0: none',
    lower_bound=0.0,
    flag_values=values,
    module_name=group,
  )
  group = 'calls'
  text(
    'batches',
    '1,4,16',
    'N,…: images, or windows of a device, of a call',
    module_name=group,
  )
  text(
    'dtypes',
    '',
    'NAME,…: float32, bfloat16: of the computation; float32 '
    'if not given, with --throughput on a GPU both',
    module_name=group,
  )
  group = 'measuring'
  number(
    'repeats',
    3,
    'N: timed calls of each part',
    lower_bound=1,
    module_name=group,
  )
  text('json', '', 'FILE: writes all figures there', module_name=group)


def check_groups(values: flags.FlagValues, mode: str) -> None:
  """Refuses flags that the chosen measurement would not look at."""
  for group, members in values.flags_by_module_dict().items():
    modes = _GROUPS[group]
    for flag in members:
      if flag.present and mode not in modes:
        needed = ' or '.join(
          'neither --forward nor --throughput' if m == LOOP else f'--{m}'
          for m in modes
        )
        raise InputError(
          f'--{flag.name}={flag.value}: needs {needed}; leave it out, or '
          'measure that'
        )


def dtypes(values: flags.FlagValues, usual: list[str], most: int) -> list[str]:
  """The precisions that are asked for."""
  found = words(values.dtypes, 'dtypes') if values.dtypes else usual
  for name in found:
    if name not in build.DTYPES:
      raise InputError(
        f'--dtypes={values.dtypes}: {name!r} must be one of '
        f'{", ".join(build.DTYPES)}'
      )
  if len(found) > most:
    raise InputError(
      f'--dtypes={values.dtypes}: --forward measures one at a time; give one'
    )
  return found


def words(text: str, flag: str) -> list[str]:
  """The words of a flag, of which there must be one."""
  found = [word.strip() for word in text.split(',') if word.strip()]
  if not found:
    raise InputError(f'--{flag}={text}: is empty; name at least one')
  return found


def batches(values: flags.FlagValues, least: int) -> list[int]:
  """The batches that are asked for."""
  found = words(values.batches, 'batches')
  for word in found:
    if not word.isdecimal() or int(word) < least:
      raise InputError(
        f'--batches: {word!r} is no batch; give whole numbers from {least} '
        'on, such as 1,4,16'
      )
  return [int(word) for word in found]
