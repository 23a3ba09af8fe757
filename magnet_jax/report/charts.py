"""Bars and intervals, for notebooks and pages."""

from __future__ import annotations

from collections.abc import Sequence
import dataclasses
import math
import textwrap
from typing import TYPE_CHECKING

from magnet_jax.evaluate.summary import FEW_IMAGES, Difference
from magnet_jax.predict.pictures import Colour
from magnet_jax.report import style
from magnet_jax.report.shown import Picture

if TYPE_CHECKING:
  from matplotlib.axes import Axes

ABOVE, BELOW = '#0b6b5c', '#a3402c'  # as on the page


@dataclasses.dataclass(frozen=True)
class Group:
  """Bars that belong together.

  Attributes:
    name: of the group.
    colour: of a swatch beside the name, or None.
    values: one per series, in 0..1; NaN where there is none.
  """

  name: str
  colour: Colour | None
  values: tuple[float, ...]


def bars(
  groups: Sequence[Group],
  series: Sequence[str],
  *,
  title: str,
  colours: Sequence[str] | None = None,
) -> Picture:
  """Draws bars from 0 to 100 %, the series of a group below each other.

  Args:
    groups: at least one, from the top down.
    series: what the bars of each group stand for, in their order.
    title: what the bars measure.
    colours: one per series; None uses the default ones.
  """
  colours = colours or [style.colour(n) for n in range(len(series))]
  thick, apart = (15, 14) if len(series) < 4 else (12, 14)
  step = thick * len(series) + apart
  starts = [step * n + apart / 2 for n in range(len(groups))]
  height = step * len(groups)
  with style.sheet(520, height) as figure:
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, 100), ylim=(height, 0))
    handles = []
    for number, fill in enumerate(colours):
      values = [100 * group.values[number] for group in groups]
      drawn = axes.barh(
        [start + (number + 0.5) * thick for start in starts],
        [0 if math.isnan(value) else value for value in values],
        thick - 2,
        color=fill,
      )
      words = ['absent' if math.isnan(v) else f'{v:.1f}' for v in values]
      axes.bar_label(drawn, words, padding=3, size=8, color=style.QUIET)
      handles.append(drawn[0])
    middles = [start + thick * len(series) / 2 for start in starts]
    axes.set_yticks(middles, [group.name for group in groups])
    axes.tick_params(
      'y', labelsize=9.5, labelcolor=style.INK, pad=22, grid_alpha=0
    )
    axes.tick_params('x', labeltop=True, labelbottom=False)
    for middle, group in zip(middles, groups, strict=True):
      if group.colour is not None:
        axes.plot(
          -12 / 520,
          middle,
          's',
          transform=axes.get_yaxis_transform(),
          color=style.web(group.colour),
          markeredgecolor=style.QUIET,
          markeredgewidth=0.5,
          markersize=8,
          clip_on=False,
        )
    style.legend(figure, handles, series, heading=title, above=26)
    return style.picture(figure, title)


def intervals(
  labels: Sequence[str],
  panels: Sequence[tuple[str, Sequence[Difference | None]]],
) -> Picture:
  """Draws mean differences with their intervals, in percentage points.

  An interval that excludes 0 is coloured, one that contains 0 is grey. So is a
  tentative one, over few images, whose dot is hollow. A difference over one
  image is only a dot.

  Args:
    labels: one per line, what is compared.
    panels: (title, one difference per line), side by side, each with an axis of
      its own; None leaves the place empty.
  """
  wide, apart, step = max(290, 620 // len(panels)), 44, 26
  width = len(panels) * (wide + apart) - apart
  with style.sheet(width, step * len(labels)) as figure:
    for number, (title, differences) in enumerate(panels):
      left = number * (wide + apart) / width
      axes = figure.add_axes((left, 0, wide / width, 1))
      axes.set_title(textwrap.fill(title, wide // 7))
      _draw_intervals(axes, differences)
      axes.set_yticks(range(len(labels)), labels if number == 0 else [])
      axes.tick_params(
        'y', labelsize=9.5, labelcolor=style.INK, pad=10, grid_alpha=0
      )
    if any(d and d.tentative for _, found in panels for d in found):
      figure.text(
        0,
        -40 / figure.bbox.height * style.DENSITY,
        f'Hollow: tentative, over fewer than {FEW_IMAGES} images.',
        size=8.5,
        color=style.QUIET,
      )
    titles = '; '.join(title for title, _ in panels)
    return style.picture(figure, f'differences: {titles}')


def _draw_intervals(
  axes: Axes, differences: Sequence[Difference | None]
) -> None:
  """Draws one interval per line, from the top."""
  axes.axvline(0, color='#969ca2', linewidth=1)
  for line, found in enumerate(differences):
    if found is None:
      continue
    colour = style.QUIET
    if found.excludes_zero and not found.tentative:
      colour = ABOVE if found.mean > 0 else BELOW
    if not math.isnan(found.low):
      axes.plot(
        [100 * found.low, 100 * found.high],
        [line, line],
        color=colour,
        alpha=0.45,
        linewidth=2 if found.tentative else 5,
        solid_capstyle='butt',
      )
    axes.plot(
      100 * found.mean,
      line,
      'o',
      color=colour,
      markersize=6,
      markerfacecolor='white' if found.tentative else colour,
    )
  axes.set_ylim(len(differences) - 0.5, -0.5)
  axes.xaxis.set_major_formatter(lambda x, _: f'{x:+g}' if x else '0')
  axes.locator_params('x', nbins=6, steps=[1, 2, 5, 10])
