"""MagNet as its authors released it, for checkpoints trained with their code.

Same stages, networks and terms as `policy.ALIGNED`; the details differ, each
for the sake of identical numbers:

- the image is resized to each scale, whatever its aspect ratio, bilinearly and
  without averaging, and so are the windows to the networks' input;
- the coarse map, upsampled to the stage, is cropped by an unaligned RoIAlign:
  the refiner sees it half a pixel off, and a little blurred;
- overlapping windows are overwritten, then divided by how many overlapped;
- K points are chosen over the whole stage, on scores sampled every few pixels
  until the map is as small as the networks' input, with zeros around it for
  the median filter; blocks of pixels are replaced together.

Published settings have windows that divide the scales, so that nothing
overlaps; where windows overlap, probabilities do not sum to 1 until they are
written to a file. The only other deliberate difference: pixels that no window
reaches keep the coarse map.

The map of stage 0 has the size of the networks' input. Where the last scale is
not the image's own size, one more stage without windows follows: the last map,
resized to the image bilinearly.
"""

from collections.abc import Iterator, Mapping

import jax
import numpy as np

from magnet_jax import parallel
from magnet_jax.cascade import (
  batches,
  refine_step,
  released_ops,
  released_points,
  settings,
  stage_windows,
)
from magnet_jax.cascade.options import Options
from magnet_jax.cascade.parts import Part, Share, Start, Tile, Work
from magnet_jax.cascade.policy import Planner, Policy, Way
from magnet_jax.ops import resize, selection
from magnet_jax.ops.uncertainty import uncertainty
from magnet_jax.refiners.refiner import Refiner, Seen
from magnet_jax.types import InputError, Network, Plane, Size, Stage, WindowGrid


def planner(
  plan_settings: Mapping[str, object], *, strict: bool = False
) -> Planner:
  """Returns the function that plans the stages of an image of some size.

  Args:
    plan_settings: as for `settings.planner`. `scales` are the stages' exact
      sizes, for images of every size and shape; without any they are the
      sizes of the aligned plan. `overlap` has no effect here.
    strict: as for `settings.planner`.

  Raises:
    InputError: the first or last stage works at a scale of its own.
  """
  for name, whole in (('first', 0.0), ('last', 1.0)):
    if plan_settings.get(name, whole) != whole:
      raise InputError(
        f'{name} {plan_settings[name]}: the released pipeline starts with the '
        'whole image and ends with it at full size; leave it out, or use '
        '--pipeline=aligned'
      )
  window = settings.window(plan_settings)
  scales = settings.scales(plan_settings)
  if any(min(scale) < 1 for scale in scales):
    raise InputError(
      f'scales {scales}: sizes must be at least 1 pixel; give (height, width) '
      'of each stage, coarse to fine'
    )

  def make(size: Size) -> tuple[Stage, ...]:
    sizes = scales or [
      stage.size
      for stage in settings.planner(plan_settings, strict=strict)(size)
    ]
    grids = [
      released_ops.grid(each, each if index == 0 else window)
      for index, each in enumerate(sizes)
    ]
    if sizes[-1] != size:
      # No windows: `Cascade.refine` resizes the last map to the image.
      grids.append(WindowGrid(size, window, (), ()))
    return tuple(Stage(index, grid) for index, grid in enumerate(grids))

  return make


def _first(start: Start) -> Iterator[Part]:
  """Stage 0, whose map has the size of the networks' input."""
  pixels = start.image.read(0, 0, *start.stage.size)
  pixels = released_ops.image(pixels, start.network)
  (probabilities,) = parallel.fetch(start.step(images=pixels[None]))
  whole = Tile(0, 0, np.asarray(probabilities))
  yield Part(0, windows=1, tiles=[whole], size=start.network)


def _enlarge(stage: Stage, coarse: Plane, share: Share) -> Iterator[Part]:
  """Resizes the last map to the image."""
  del share  # all of it: in memory there is only one
  before = coarse.read(0, 0, *coarse.size)
  whole = Tile(0, 0, resize.probabilities(before, stage.size))
  yield Part(0, windows=0, tiles=[whole])


def refine(work: Work) -> Iterator[Part]:
  """Refines a stage; the last part contains all of it."""
  grid = work.stage.grid
  before = work.coarse.read(0, 0, *work.coarse.size)
  coarse = resize.probabilities(before, grid.size)
  image = work.image.read(0, 0, *grid.size)
  refined = np.zeros_like(coarse)

  def arrays_of(number: int) -> stage_windows.Arrays:
    top, left = grid.corners[number]
    box = (top, left, top + grid.window[0], left + grid.window[1])
    piece = image[stage_windows.inside(grid, number)]
    return {
      'images': released_ops.image(piece, work.network),
      'coarse': released_ops.roi_align(coarse, box, work.network),
    }

  # Column by column, as published: where windows overlap, the last one wins.
  order = sorted(work.numbers, key=lambda number: grid.corners[number][::-1])
  parts = [
    order[start : start + work.batch]
    for start in range(0, len(order), work.batch)
  ]
  results = batches.run_parts(work.step(_refine), parts, arrays_of, work.batch)
  for index, part in enumerate(results):
    for number, piece in part:
      area = stage_windows.inside(grid, number)
      refined[area] = resize.probabilities(piece, grid.window)
    yield Part(index, windows=len(part))
  times = _times(grid)
  # As published, although the overlaps were overwritten and not added up.
  if times.max() > 1:
    refined /= np.maximum(times, 1)[..., None]
  chosen = _chosen(coarse, refined, work) & (times > 0)
  np.copyto(coarse, refined, where=chosen[..., None])
  del refined  # before the map is stored: an array of the stage's size
  yield Part(
    len(parts),
    windows=0,
    tiles=[Tile(0, 0, coarse)],
    marks=[Tile(0, 0, chosen)],
  )


def _refine(
  segmenter: Network,
  refiner: Refiner,
  *,
  images: jax.Array,
  coarse: jax.Array,
) -> jax.Array:
  """R of a batch of windows: float32 [B,h,w,C]."""
  scale = refine_step.segment_windows(segmenter, images=images)
  return refiner.probabilities(Seen(coarse=coarse, scale=scale))


def _chosen(coarse: np.ndarray, refined: np.ndarray, work: Work) -> np.ndarray:
  """The points where R replaces Y: bool [H_s,W_s]."""
  size = work.stage.size
  unsure, sure = (
    uncertainty(released_ops.nearest(maps, work.network))
    for maps in (coarse, refined)
  )
  scores = released_ops.zero_padded_median(
    unsure * (1 - sure), work.options.kernel
  )
  count = selection.count_points(work.options.points, size[0] * size[1])
  return released_points.choose(released_ops.nearest(scores, size), count)


def _times(grid: WindowGrid) -> np.ndarray:
  """How many windows cover each pixel: float32 [H,W]."""
  rows, columns = (np.zeros(length, np.float32) for length in grid.size)
  for top in grid.tops:
    rows[top : top + grid.window[0]] += 1
  for left in grid.lefts:
    columns[left : left + grid.window[1]] += 1
  return np.outer(rows, columns)


_WAY = Way(
  refine,
  in_memory='the released pipeline works in memory only; use '
  '--pipeline=aligned',
  extra=lambda classes: 4 * classes,
)


def _way(options: Options, choice: str) -> Way:
  """Returns the only way; K counts over each stage whatever `selection`."""
  if choice != 'points':
    raise InputError(
      f'refiner that replaces {choice}: the released pipeline chooses K '
      'points; use --pipeline=aligned'
    )
  for name in ('min_uncertainty', 'mix', 'filter_radius'):
    if value := getattr(options, name):
      raise InputError(
        f'{name} {value}: the released pipeline has no such setting; leave it '
        'out, or use --pipeline=aligned'
      )
  if isinstance(options.windows, int) or options.windows != 1.0:
    raise InputError(
      f'windows {options.windows}: the released pipeline refines all windows, '
      'as its MagNet-Fast picked the least uncertain ones and then left them '
      'out; use windows=1.0, or --pipeline=aligned'
    )
  return _WAY


RELEASED = Policy(
  name='released',
  planner=planner,
  shrink=released_ops.image,
  first=_first,
  enlarge=_enlarge,
  way=_way,
  offers=frozenset({'scale'}),
  normalised=False,
)
