"""What Orbax says of a failed write."""

import errno
import sys
import types

from magnet_jax.files import orbax_errors


def test_the_systems_error_is_found_in_other_words():
  error = ValueError("RESOURCE_EXHAUSTED: no\n [os_error_code='28']")
  assert orbax_errors.system_error(error).errno == errno.ENOSPC
  own = PermissionError(errno.EACCES, 'no')
  assert orbax_errors.system_error(own) is own
  assert str(orbax_errors.system_error(ValueError('odd\nmore'))) == 'odd'


def test_only_late_threads_are_ignored(monkeypatch):
  seen = []
  monkeypatch.setattr(sys, 'unraisablehook', seen.append)
  orbax_errors.ignore_late_threads()
  hook = sys.unraisablehook
  orbax_errors.ignore_late_threads()
  assert sys.unraisablehook is hook
  late, other = (
    types.SimpleNamespace(exc_value=RuntimeError(text))
    for text in ('Event loop is closed', 'something else')
  )
  hook(late)
  hook(other)
  assert seen == [other]
