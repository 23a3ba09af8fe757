import dataclasses
import html.parser
import math

from magnet_jax import types
from magnet_jax.evaluate import summary
from magnet_jax.report import page

_CLASSES = types.ClassTable(
  ('unknown', '<b>tree</b>'), ((0, 0, 0), (1, 200, 3)), (0,)
)
_ROWS = [
  summary.Row(name, 3, miou, miou, 0.5, 1.5, 4, 300, (math.nan, miou))
  for name, miou in (('downsample', 0.4), ('magnet', 0.6))
]


class _Reader(html.parser.HTMLParser):
  """Collects the tags and checks that they close in order."""

  def __init__(self):
    super().__init__()
    self.open, self.seen, self.sources = [], [], []

  def handle_starttag(self, tag, attributes):
    self.seen.append(tag)
    self.sources += [v for k, v in attributes if k in ('src', 'href')]
    if tag not in ('meta', 'img'):
      self.open.append(tag)

  def handle_startendtag(self, tag, attributes):
    self.seen.append(tag)

  def handle_endtag(self, tag):
    assert self.open.pop() == tag


def _read(text):
  reader = _Reader()
  reader.feed(text)
  assert not reader.open
  return reader


def test_the_page_is_whole_escaped_and_needs_nothing_else():
  text = page.html_page(
    'A & B',
    _ROWS,
    _CLASSES,
    differences={
      'magnet - <i>': summary.Difference(0.2, 0.1, 0.3, 3),
      'one': summary.Difference(-0.2, math.nan, math.nan, 1),
      'many': summary.Difference(0.2, 0.1, 0.3, 5),
    },
    settings={'points': '</script>'},
    introduction='1 < 2',
  )
  reader = _read(text)
  assert {'script', 'b', 'i', 'link'}.isdisjoint(reader.seen)
  assert not reader.sources
  assert '&lt;b&gt;tree' in text
  assert 'prefers-color-scheme: dark' in text
  # An interval over three images is not coloured as one over five is.
  assert text.count('aria-hidden="true" class="tentative"') == 1
  assert text.count('aria-hidden="true" class="above"') == 1
  assert text.count('class="best"') == 3  # two mIoU columns and the class


def test_intervals_over_few_images_are_called_tentative():
  for images, words in ((4, True), (5, False)):
    row = dataclasses.replace(
      _ROWS[0], images=images, intervals={'miou': (0.31, 0.52)}
    )
    text = page.html_page('title', [row], _CLASSES)
    assert '<small>31.0 to 52.0</small>' in text
    assert ('<small>tentative</small>' in text) is words


def test_nothing_measured_still_shows_the_classes():
  text = page.html_page('empty', [], _CLASSES)
  reader = _read(text)
  assert 'table' not in reader.seen
  assert 'rgb(1,200,3)' in text
