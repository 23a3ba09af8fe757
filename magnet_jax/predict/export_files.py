"""Writes the networks of a model in another format, each checked."""

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
from magnet_jax.predict.model import Model
from magnet_jax.types import InputError, Size

_CHECKED = (187, 302)  # (h, w) at which a network of open size is checked


@dataclasses.dataclass(frozen=True)
class How:
  """How networks are written.

  Attributes:
    format: one of `formats.FORMATS`.
    size: (h, w) of the inputs; None leaves it open.
    batch: images at a time; 0 leaves it open.
    pixels: whether the segmenter takes uint8, and normalises it.
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


def write(model: Model, folder: pathlib.Path, how: How) -> list[Written]:
  """Writes the networks of a model, once each is what JAX computes.

  Args:
    model: the networks, in float32.
    folder: where to; exists.
    how: they are written.

  Raises:
    InputError: a network cannot be exported so, or differs.
  """
  how.check()
  size = how.size or formats.TRACED
  metadata = _metadata(model, how)
  found = []
  for part in exported.parts(model, size, pixels=how.pixels):
    if how.size is None and part.name == 'gate':
      raise InputError(
        '--size=open: a gate divides its window into parts, whose number '
        'depends on the size; give --size=HxW'
      )
    made = _made(part, how, metadata)
    largest = max(
      _checked(each, batch, made, how)
      for each, batch in _trials(part, how, size)
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


def _trials(part: Part, how: How, size: Size) -> Sequence[tuple[Part, int]]:
  """What is checked: the part at its size, and at another one if it is open."""
  if how.size is None:
    return (part, 1), (exported.of_size(part, _CHECKED), how.batch or 2)
  return ((part, how.batch or 2),)


def _checked(part: Part, batch: int, made: bytes, how: How) -> float:
  given = exported.example(part, batch)
  run = functools.partial(formats.run_stablehlo, made, given)
  if how.format == 'onnx':
    named = dict(zip(part.inputs, given, strict=True))
    run = functools.partial(formats.run_onnx, made, named, how.channels)
  return formats.check(part.name, run, part.function, given)


def _metadata(model: Model, how: How) -> dict[str, str]:
  """What a reader of the file needs to know, as JSON by name."""
  facts: dict[str, object] = {
    'classes': list(model.classes.names),
    'colours': np.asarray(model.classes.colours).tolist(),
    'network_size': list(model.network),
    'outputs': 'logits',
  }
  if not how.pixels:
    facts['mean'] = [255 * value for value in normalise.MEAN]
    facts['std'] = [255 * value for value in normalise.STD]
  found = {name: json.dumps(value) for name, value in facts.items()}
  return {**found, 'producer': f'magnet_jax {magnet_jax.__version__}'}


def _described(part: Part, how: How) -> str:
  shown = []
  for name, struct in part.inputs.items():
    _, *size, count = struct.shape
    size = ['h', 'w'] if how.size is None else size
    batch = how.batch or 'B'
    axes = [batch, *size, count]
    if how.channels == 'first':
      axes = [batch, count, *size]
    shown.append(f'{name} {struct.dtype} [{",".join(map(str, axes))}]')
  return ', '.join(shown)
