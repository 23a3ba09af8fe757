"""An ONNX graph under construction: nodes, constants and names."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np
import onnx
from onnx import helper, numpy_helper

from magnet_jax.types import InputError, Size

OPSET = 18  # reductions take their axes as an input from here on
IR = 8  # of the files: the one that came with this opset
Shape = tuple[int, ...]
# Images are [B,C,H,W] in ONNX; the axes of [B,H,W,C] lie at these places.
_PLACES = (0, 2, 3, 1)


def place(axis: int, rank: int) -> int:
  """Where an axis of an array of JAX lies in ONNX."""
  return _PLACES[axis] if rank == 4 else axis


def in_places(values: Any, rank: int) -> list[Any]:
  """One value per axis, in the order of ONNX."""
  found = [*values]
  for axis, value in enumerate(values):
    found[place(axis, rank)] = value
  return found


@dataclasses.dataclass(frozen=True)
class Tensor:
  """An array that depends on the graph's inputs.

  Attributes:
    name: in the graph.
    shape: its axes in JAX's order; where the variable's own is longer than 1
      and this is 1, it is still to be repeated.
    flat: whether it stands for its reshape to [-1,C], made only if needed.
  """

  name: str
  shape: Shape
  flat: bool = False


@dataclasses.dataclass(frozen=True)
class Const:
  """An array that depends on the weights alone; may still be repeated."""

  array: np.ndarray


Value = Tensor | Const


class Sum(NamedTuple):
  """What was added up.

  Attributes:
    source: the values.
    axes: along which, in JAX's order.
  """

  source: Tensor
  axes: Shape

  @property
  def terms(self) -> int:
    """How many values each sum has."""
    return math.prod(self.source.shape[axis] for axis in self.axes)


class Graph:
  """The nodes so far.

  Args:
    free_size: whether the images' height and width are open, so that sizes are
      read from other tensors instead of being written into the graph.
  """

  def __init__(self, *, free_size: bool):
    self.free_size = free_size
    self.nodes: list[onnx.NodeProto] = []
    self.constants: dict[str, np.ndarray] = {}
    # The first image of each size, from which others can take theirs.
    self._sized: dict[Size, str] = {}
    # What is a sum of values, by name: divided by their number, it is a mean.
    self.sums: dict[str, Sum] = {}
    self._count = 0

  def name(self, kind: str) -> str:
    """Returns a new name."""
    self._count += 1
    return f'{kind.lower()}_{self._count}'

  def input(self, name: str, shape: Shape) -> Tensor:
    """Declares an input, as it is once its channels stand first."""
    return self._known(Tensor(name, shape))

  def constant(self, array: np.ndarray) -> str:
    """Adds an array as it is; returns its name."""
    name = self.name('constant')
    # NumPy's would have an axis even where a number has none.
    self.constants[name] = np.asarray(array, order='C')
    return name

  def integers(self, *values: int) -> str:
    """Adds sizes, axes or the like; returns their name."""
    return self.constant(np.asarray(values, np.int64))

  def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
    """Adds a node of one output; returns the output's name."""
    output = self.name(kind)
    self.nodes.append(
      helper.make_node(kind, [*inputs], [output], name=output, **attributes)
    )
    return output

  def add(
    self, kind: str, *inputs: Value | str, shape: Shape, **attributes: Any
  ) -> Tensor:
    """Adds a node; returns its output.

    Args:
      kind: the operator.
      *inputs: values, or names of constants that are no images.
      shape: of the output, in JAX's order.
      **attributes: of the node.
    """
    names = [x if isinstance(x, str) else self.named(x) for x in inputs]
    output = self.node(kind, *names, **attributes)
    return self._known(Tensor(output, tuple(shape)))

  def named(self, value: Value) -> str:
    """Returns the name of a value, as ONNX orders its axes."""
    if isinstance(value, Const):
      array = value.array
      return self.constant(
        array.transpose(0, 3, 1, 2) if _image(array) else array
      )
    if value.flat:
      raise InputError(
        'export: the network reshapes an image to rows of pixels for something '
        'else than a product; write it with images [B,H,W,C]'
      )
    return value.name

  def sizes(self, tensor: Tensor, size: Size) -> str:
    """The shape of an image resized to `size`, for Resize."""
    batch = self.part(self.node('Shape', tensor.name), 0, 2)
    return self.node('Concat', batch, self.size(size, tensor), axis=0)

  def size(self, wanted: Size, source: Tensor) -> str:
    """The height and width of an image that is made of another: int64 [2]."""
    if not self.free_size:
      return self.integers(*wanted)
    if (followed := self.followed(wanted)) is not None:
      return followed
    if wanted == tuple(2 * side for side in source.shape[1:3]):
      return self.node('Mul', self.size_of(source), self.integers(2))
    raise InputError(
      f'export: an image of {wanted[0]}x{wanted[1]} inside the network has the '
      'size of no image before it, nor twice that, so that it cannot follow '
      'the size of its input; export it with a fixed size'
    )

  def followed(self, size: Size) -> str | None:
    """The height and width of the first image that had them, if one did."""
    name = self._sized.get(size)
    return None if name is None else self._size(name)

  def size_of(self, tensor: Tensor) -> str:
    """The height and width of an image: int64 [2]."""
    return self._size(tensor.name)

  def _size(self, name: str) -> str:
    return self.part(self.node('Shape', name), 2, 4)

  def part(self, numbers: str, start: int, end: int) -> str:
    """Some of a list of numbers."""
    return self.node('Slice', numbers, self.integers(start), self.integers(end))

  def keep(self, outputs: Sequence[str]) -> None:
    """Leaves out the nodes that no output depends on."""
    needed = {*outputs}
    kept = []
    for node in reversed(self.nodes):
      if needed & {*node.output}:
        kept.append(node)
        needed.update(node.input)
    self.nodes = kept[::-1]

  def _known(self, tensor: Tensor) -> Tensor:
    if len(tensor.shape) == 4:
      self._sized.setdefault((tensor.shape[1], tensor.shape[2]), tensor.name)
    return tensor

  def initializers(self) -> list[onnx.TensorProto]:
    """Returns the constants that a node reads."""
    used = {name for node in self.nodes for name in node.input}
    return [
      numpy_helper.from_array(array, name)
      for name, array in self.constants.items()
      if name in used
    ]


def _image(array: np.ndarray) -> bool:
  return array.ndim == 4
