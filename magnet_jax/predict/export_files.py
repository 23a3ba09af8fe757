"""Writes networks in another format, each checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import dataclasses
import functools
import json
import pathlib

import jax
import numpy as np

import magnet_jax
from magnet_jax.engines import sessions
from magnet_jax.export import formats
from magnet_jax.files import atomic
from magnet_jax.ops import normalise
from magnet_jax.predict import exported
from magnet_jax.predict.exported import Part
from magnet_jax.predict.held import Held
from magnet_jax.types import InputError, Size

# (h, w) at which a network of open size is checked, beside the traced one.
_CHECKED = ((187, 302), (133, 65))


@dataclasses.dataclass(frozen=True)
class How:
  """How networks are written.

  Attributes:
    format: one of `formats.FORMATS`.
    size: (h, w) of the inputs; None leaves it open.
    batch: images at a time; 0 leaves it open.
    pixels: whether networks that see images take uint8, and normalise it.
    channels: 'first' or 'last', of ONNX.
  """

  format: str
  size: Size | None
  batch: int = 0
  pixels: bool = False
  channels: str = 'first'

  def check(self) -> None:
    """Raises InputError for what a format or this machine lacks."""
    if self.format == 'onnx':
      sessions.check('onnxruntime', 'float32')
      return
    if self.size is None:
      raise InputError(
        '--size=open: StableHLO needs the size of the images; give HxW, or '
        'use --to=onnx'
      )
    if self.channels != 'last':
      raise InputError(
        f'--channels={self.channels}: arrays of JAX have their channels last; '
        'leave it out, or use --to=onnx'
      )


@dataclasses.dataclass(frozen=True)
class Written:
  """A file that was written.

  Attributes:
    file: its name.
    inputs: shapes and types by name, as text.
    difference: from JAX, of the range of the results.
  """

  file: str
  inputs: str
  difference: float


def write(held: Held, folder: pathlib.Path, how: How) -> list[Written]:
  """Writes networks, once each is what JAX computes.

  Args:
    held: the networks.
    folder: where to; exists.
    how: they are written.

  Raises:
    InputError: a network cannot be exported so, or differs.
  """
  how.check()
  size = how.size or formats.TRACED
  made_of = functools.partial(exported.parts, held, pixels=how.pixels)
  found = []
  # With an open size, each is checked at others as well.
  others = [made_of(each) for each in _CHECKED] if how.size is None else []
  for part, *same in zip(made_of(size), *others, strict=True):
    made = _made(part, how, _metadata(held, part, how))
    largest = max(
      _checked(each, batch, made, how)
      for each, batch in _trials(part, same, how)
    )
    name = part.name + formats.FORMATS[how.format]
    with atomic.replacing(folder / name) as path:
      path.write_bytes(made)
    found.append(Written(name, _described(part, how), largest))
  return found


def _made(part: Part, how: How, metadata: Mapping[str, str]) -> bytes:
  part = _batched(part, how.batch or 1)
  if how.format == 'stablehlo':
    return formats.stablehlo(
      part.function, part.inputs, free_batch=not how.batch
    )
  from magnet_jax.export import onnx_model

  made = onnx_model.make(
    part.function,
    part.inputs,
    part.outputs,
    free_batch=not how.batch,
    free_size=how.size is None,
    channels=how.channels,
    metadata=metadata,
  )
  return bytes(made.SerializeToString())


def _batched(part: Part, batch: int) -> Part:
  inputs = {
    name: jax.ShapeDtypeStruct((batch, *struct.shape[1:]), struct.dtype)
    for name, struct in part.inputs.items()
  }
  return dataclasses.replace(part, inputs=inputs)


def _trials(
  part: Part, same: Sequence[Part], how: How
) -> Sequence[tuple[Part, int]]:
  """What is checked, with how many images: the part, at all its sizes."""
  if not same:
    return ((part, how.batch or 2),)
  first, *rest = same
  return (
    (part, how.batch or 1),
    (first, how.batch or 2),
    *((each, how.batch or 1) for each in rest),
  )


def _checked(part: Part, batch: int, made: bytes, how: How) -> float:
  given = exported.example(part, batch)
  run = functools.partial(formats.run_stablehlo, made, given)
  if how.format == 'onnx':
    named = dict(zip(part.inputs, given, strict=True))
    run = functools.partial(formats.run_onnx, made, named, how.channels)
  return formats.check(part.name, run, part.function, given)


def _metadata(held: Held, part: Part, how: How) -> dict[str, str]:
  """What a reader of the file needs to know, as JSON by name."""
  facts: dict[str, object] = {
    'inputs': {name: part.about[name] for name in part.inputs},
    'outputs': {name: part.about[name] for name in part.outputs},
    **part.facts,
  }
  if held.classes is not None:
    facts['classes'] = list(held.classes.names)
    facts['colours'] = np.asarray(held.classes.colours).tolist()
  if held.network is not None:
    facts['network_size'] = list(held.network)
  if 'images' in part.inputs and not how.pixels:
    facts['mean'] = [255 * value for value in normalise.MEAN]
    facts['std'] = [255 * value for value in normalise.STD]
  found = {name: json.dumps(value) for name, value in facts.items()}
  return {**found, 'producer': f'magnet_jax {magnet_jax.__version__}'}


def _described(part: Part, how: How) -> str:
  shown = []
  for name, struct in part.inputs.items():
    _, *size, count = struct.shape
    if how.size is None:
      # Features have a size of their own.
      size = ['h', 'w'] if (*size,) == formats.TRACED else ["h'", "w'"]
    batch = how.batch or 'B'
    axes = [batch, *size, count]
    if how.channels == 'first':
      axes = [batch, count, *size]
    shown.append(f'{name} {struct.dtype} [{",".join(map(str, axes))}]')
  return ', '.join(shown)
