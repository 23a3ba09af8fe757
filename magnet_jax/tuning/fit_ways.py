"""Draws pixels of images for each way of running a model."""

from collections.abc import Callable, Iterator, Mapping, Sequence
import dataclasses

from magnet_jax.cascade import settings
from magnet_jax.evaluate.comparison import Load
from magnet_jax.predict.model import Model
from magnet_jax.predict.way import Way
from magnet_jax.tuning import class_fit, search, stage_maps
from magnet_jax.tuning.class_fit import Pixels
from magnet_jax.types import InputError, Sample

Draw = Callable[[Sample, int], Iterator[tuple[str, Pixels]]]


def draw(
  model: Model, ways: Mapping[str, Way], loads: Sequence[Load]
) -> dict[str, list[Pixels]]:
  """Draws pixels of every way, from which the numbers of classes are fitted.

  Args:
    model: the networks, without trends and bias.
    ways: by name.
    loads: each reads one labelled image; bad ones are left out.

  Returns:
    Pixels of each image by name; none with too few images.
  """
  pixels: dict[str, list[Pixels]] = {name: [] for name in ways}
  if len(loads) < class_fit.LEAST_IMAGES:
    return pixels
  draw_ways = _drawer(model, ways)
  for seed, load in enumerate(loads):
    try:
      sample = load()
    except InputError:
      continue
    if sample.label is not None:
      for name, drawn in draw_ways(sample, seed):
        pixels[name].append(drawn)
  return pixels


def _drawer(model: Model, ways: Mapping[str, Way]) -> Draw:
  """Returns what draws pixels of a sample for each way, given a seed."""
  cascade, ignored = model.cascade(), model.classes.ignore_label
  # The filter works on what the numbers have made of the map.
  models = {
    name: model.with_way(
      dataclasses.replace(way, refine={**way.refine, 'filter_radius': 0})
    )
    for name, way in ways.items()
  }
  # Only a mean follows from the maps of the stages.
  methods = {
    name: search.method_of(models[name])
    for name, way in ways.items()
    if way.refine['fusion'] != 'mean'
  }

  def draw(sample: Sample, seed: int) -> Iterator[tuple[str, Pixels]]:
    label = sample.label
    assert label is not None
    maps = stage_maps.StageMaps(cascade, sample.image)
    for name, own in models.items():
      if name in methods:
        found, _ = methods[name].segment(sample.image)
        yield name, class_fit.of_map(found, label, ignored, seed)
        continue
      plan = own.plan((label.shape[0], label.shape[1]))
      options = settings.options(own.settings['refine'])
      steps = stage_maps.running(maps, plan, options)
      yield name, class_fit.of_steps(steps, options, label, ignored, seed)

  return draw
