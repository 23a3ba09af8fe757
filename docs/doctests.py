"""Shows the examples of docstrings as code: an extension of Griffe.

Docstrings here have examples without a heading; as Markdown, lists in them
would be links.
"""

import re
from typing import Any

import griffe

_EXAMPLE = re.compile(r'^>>> .*(?:\n(?!\n).+)*', re.MULTILINE)


class Doctests(griffe.Extension):
  """Fences each example of a docstring."""

  def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
    """Called by Griffe for each module, class, function and attribute."""
    if obj.docstring:
      value = obj.docstring.value
      obj.docstring.value = _EXAMPLE.sub(
        lambda found: f'```pycon\n{found[0]}\n```', value
      )
