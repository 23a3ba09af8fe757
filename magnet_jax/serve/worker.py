"""Segments images one after the other, while the page asks how far it is."""

from __future__ import annotations

from collections.abc import Mapping
import dataclasses
import logging
import pathlib
import queue
import threading
import time
from typing import Any

import numpy as np

from magnet_jax import outside
from magnet_jax.cascade import window_choice
from magnet_jax.cascade.cascade import Cascade, StageResult
from magnet_jax.evaluate.compiles import CompileCounter
from magnet_jax.files import images
from magnet_jax.methods import recipes
from magnet_jax.predict import budget as budgets
from magnet_jax.predict import gallery, memory_run, thumbnails
from magnet_jax.predict.budget import Budget
from magnet_jax.predict.model import Model
from magnet_jax.predict.task import Recipe
from magnet_jax.serve import kept
from magnet_jax.serve.kept import Done, Kept
from magnet_jax.types import InputError

PREVIEW = 'preview.jpg'
_WAITING = 20  # ways that may wait, each of a click


@dataclasses.dataclass
class State:
  """How far the work on an image is.

  Attributes:
    waiting: ways that are not yet done, this one among them.
    title: the way at work; '' if none is.
    says: what is being done.
    done: windows that are refined.
    total: windows of the way.
    shown: stages that the preview has shown so far.
    finished: ways that came to an end since the page was served.
    error: why the last one failed; '' if it did not.
  """

  waiting: int = 0
  title: str = ''
  says: str = ''
  done: int = 0
  total: int = 0
  shown: int = 0
  finished: int = 0
  error: str = ''


class _Progress:
  """Progress callbacks that write a state."""

  def __init__(self, state: State) -> None:
    self._state = state

  def says(self, text: str) -> None:
    self._state.says = text

  def done(self, windows: int) -> None:
    self._state.done += windows

  def skipped(self, windows: int) -> None:
    self._state.done += windows


@dataclasses.dataclass(frozen=True)
class _Order:
  image: int
  title: str
  recipe: Recipe


class Worker:
  """Keeps images and segments them in a thread, in the order of the clicks.

  worker = Worker(model, folder, Budget())
  number = worker.add('photo.jpg', data)
  worker.order(number, 'magnet', {})
  worker.state(number)  # at any time
  """

  def __init__(
    self, model: Model, folder: pathlib.Path, budget: Budget
  ) -> None:
    """Takes the networks, the folder for all files, and the memory to use."""
    self.model = model
    self.folder = folder
    self._budget = budget
    self._states: dict[int, State] = {}
    self._cascades: dict[str, Cascade] = {}
    self._orders: queue.Queue[_Order] = queue.Queue()
    threading.Thread(target=self._run, daemon=True).start()

  def add(self, name: str, data: bytes) -> int:
    """Keeps an image and returns its number.

    Raises:
      InputError: it cannot be read or kept, or is too large.
    """
    most, trained = self._budget.pixels, self.model.tones
    return kept.add(self.folder, name, data, trained, most).number

  def order(
    self, number: int, method: str, settings: Mapping[str, Any]
  ) -> None:
    """Asks for an image to be segmented.

    Args:
      number: of the image.
      method: a key of `methods.table.METHODS`.
      settings: of the method.

    Raises:
      InputError: there is no such image, the model cannot do it, a setting is
        out of range, the image is too large, or too many wait.
    """
    image = self.find(number)
    recipe = recipes.make(self.model, method, **settings)
    words = [f'{name} {value}' for name, value in settings.items()]
    title = ', '.join([method, *words])
    self._check_memory(image, self._cascade(title, recipe), recipe)
    state = self._states.setdefault(number, State())
    if state.waiting >= _WAITING:
      raise InputError(
        f'{state.waiting} ways are waiting already: at most {_WAITING} may; '
        'wait for some'
      )
    state.waiting += 1
    self._orders.put(_Order(number, title, recipe))

  def state(self, number: int) -> State:
    """Returns how far the work on an image is."""
    return self._states.get(number, State())

  def find(self, number: int) -> Kept:
    """Returns an image.

    Raises:
      InputError: there is none of this number.
    """
    return kept.find(self.folder / str(number))

  def _cascade(self, title: str, recipe: Recipe) -> Cascade:
    # Kept, so that its steps are compiled only once.
    return self._cascades.setdefault(title, recipe.model.cascade())

  def _check_memory(
    self, image: Kept, cascade: Cascade, recipe: Recipe
  ) -> None:
    plan = recipe.model.plan(image.size)
    choice = budgets.choose(self._budget, cascade, plan, recipe, views=True)
    if choice.store != 'memory':
      raise InputError(
        f'{image.name}: {choice.reason}; the page keeps images in memory: use '
        'magnet-jax segment, which streams them, or allow more by --memory=GB'
      )

  def _run(self) -> None:
    while True:
      order = self._orders.get()
      state = self.state(order.image)
      state.title, state.error = order.title, ''
      state.done = state.shown = 0
      state.says = 'reading'
      try:
        self._segment(order, state)
      except Exception as error:  # nothing may end the thread
        outside.told(error)
        known = isinstance(error, InputError)
        state.error = str(error) if known else f'{order.title}: failed, {error}'
        if not known:
          logging.exception('magnet-jax serve: %s', order.title)
      state.title = ''
      state.waiting -= 1
      state.finished += 1

  def _segment(self, order: _Order, state: State) -> None:
    image = self.find(order.image)
    pixels = image.pixels(self._budget.pixels)
    recipe, cascade = order.recipe, self._cascade(order.title, order.recipe)
    plan = recipe.model.plan(image.size)
    state.total = sum(window_choice.allot(plan, cascade.options.windows))
    progress = _Progress(state)
    columns = []
    steps = memory_run.results(recipe, cascade, pixels, plan, progress)
    seconds, start = 0.0, time.perf_counter()
    with CompileCounter() as compiles:
      for name, result in steps:
        seconds += time.perf_counter() - start
        columns.append(gallery.view(result, name))
        self._preview(image, pixels, result)
        state.shown += 1
        start = time.perf_counter()
    seconds = max(0.0, seconds - compiles.seconds)
    state.says = 'writing'
    stem = ''.join(c if c.isalnum() or c in '.-' else '_' for c in order.title)
    done = Done(
      order.title,
      state.done,
      round(seconds, 2),
      f'{stem}_label.png',
      f'{stem}_overlay.jpg',
    )
    image.add(pixels, columns, self.model.classes, done)

  def _preview(
    self, image: Kept, pixels: np.ndarray, result: StageResult
  ) -> None:
    shown = thumbnails.tinted(pixels, result.probabilities, self.model.classes)
    images.write_image(image.folder / PREVIEW, shown)
