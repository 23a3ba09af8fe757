"""`magnet-jax serve`."""

import asyncio
import importlib.util
import pathlib

from absl import flags

from magnet_jax.cli import host_flags, messages, model_flags
from magnet_jax.cli.command_line import Arguments
from magnet_jax.files import atomic, embedded
from magnet_jax.predict.budget import Budget
from magnet_jax.types import InputError

NAMES = False
HELP = """
  usage: magnet-jax serve [flags]

  Serves a page on this machine only: drop an image into it, watch it being
  segmented coarse to fine, look at its stages down to single pixels, and
  compare methods and shares of the windows. Images and results stay in --out;
  Ctrl-C ends it. Needs magnet-jax[serve].

  examples:
    magnet-jax serve
    magnet-jax serve --checkpoint=runs/mine --out=tried --port=8123
"""


def define(values: flags.FlagValues) -> None:
  """Defines the flags."""
  group = 'model and page'
  model_flags.define_networks(values, group, embedded.AERIAL)
  model_flags.define_correctors(values, group)
  flags.DEFINE_string(
    'out',
    'magnet_jax_serve',
    'DIR: where images and results are kept',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_integer(
    'port',
    8000,
    'N: of the address; 0 takes one that is free',
    flag_values=values,
    module_name=group,
  )
  flags.DEFINE_float(
    'memory',
    None,
    'GB: memory for an image and its maps; larger images are refused; half of '
    'the free memory if not given',
    flag_values=values,
    module_name=group,
  )
  host_flags.define(values)


def run(arguments: Arguments) -> int:
  """Serves the page until Ctrl-C."""
  values = arguments.flags
  if importlib.util.find_spec('tornado') is None:
    raise InputError(
      'serve: the package tornado is missing; pip install "magnet-jax[serve]"'
    )
  from magnet_jax.serve import app
  from magnet_jax.serve.worker import Worker

  budget = Budget('auto', values.memory)
  with host_flags.work(values):
    model = model_flags.load(values)
    folder = atomic.prepare_folder(pathlib.Path(values.out))
    worker = Worker(model, folder, budget)

    def tell(address: str) -> None:
      messages.tell(f'open {address} in a browser; Ctrl-C ends it')

    try:
      asyncio.run(
        app.run(worker, values.port, int(budget.bytes), tell, asyncio.Event())
      )
    except KeyboardInterrupt:
      messages.tell(f'images and results: {folder}')
  return 0
