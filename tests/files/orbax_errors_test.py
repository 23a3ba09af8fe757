"""The errors that Orbax raises for a failed write."""

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
  before = sys.unraisablehook
  late, other = (
    types.SimpleNamespace(exc_value=RuntimeError(text))
    for text in ('Event loop is closed', 'something else')
  )
  with orbax_errors.late_threads_ignored():
    sys.unraisablehook(late)
    sys.unraisablehook(other)
  assert seen == [other]
  assert sys.unraisablehook is before
  with orbax_errors.late_threads_ignored():
    sys.unraisablehook = print
  assert sys.unraisablehook is print
