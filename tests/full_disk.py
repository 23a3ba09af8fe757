"""A full disk: the system's limit on the size of files."""

from collections.abc import Iterator
import contextlib
import resource
import sys


@contextlib.contextmanager
def after(size: int) -> Iterator[None]:
  """Lets no file become larger than so many bytes in the block.

  Nor are modules compiled into files: Python would keep them cut off, and every
  later process would fail to import them.
  """
  limit = resource.getrlimit(resource.RLIMIT_FSIZE)
  compiles, sys.dont_write_bytecode = sys.dont_write_bytecode, True
  resource.setrlimit(resource.RLIMIT_FSIZE, (size, limit[1]))
  try:
    yield
  finally:
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    sys.dont_write_bytecode = compiles
