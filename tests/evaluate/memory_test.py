import mmap
import time

import pytest

from magnet_jax.evaluate import memory

_MB = 1_000_000


def _touch(megabytes: int) -> mmap.mmap:
  """Resident pages that go back to the system when closed."""
  pages = mmap.mmap(-1, megabytes * _MB)
  for start in range(0, len(pages), mmap.PAGESIZE):
    pages[start] = 1
  return pages


def _hold(block: memory.PeakMemory, megabytes: int) -> None:
  """Takes memory until a block has seen it: a sampler needs its time."""
  pages = _touch(megabytes)
  end = time.monotonic() + 30
  while block._sampler and time.monotonic() < end:
    if block._peak - block._entry > 0.9 * megabytes * _MB:
      break
    time.sleep(0.005)
  pages.close()


@pytest.fixture(params=['kernel', 'sampler'])
def counter(request, monkeypatch):
  if request.param == 'sampler':
    monkeypatch.setattr(memory, '_reset_kernel_peak', lambda: False)
    monkeypatch.setattr(memory, '_kernel_peak', lambda: 0)


@pytest.mark.usefixtures('counter')
def test_a_peak_is_seen_after_it_has_gone():
  with memory.PeakMemory() as measured:
    _hold(measured, 80)
  assert 60 < measured.added_mb < 130
  assert measured.peak_mb > measured.added_mb


@pytest.mark.usefixtures('counter')
def test_what_was_there_before_is_not_added():
  _touch(200).close()
  pages = _touch(60)
  with memory.PeakMemory() as measured:
    pass
  pages.close()
  assert measured.added_mb < 30
  assert measured.peak_mb > 60


@pytest.mark.usefixtures('counter')
def test_an_inner_block_takes_nothing_from_the_outer():
  with memory.PeakMemory() as outer:
    _hold(outer, 120)
    with memory.PeakMemory() as inner:
      _hold(inner, 40)
  assert outer.added_mb > 90
  assert inner.added_mb < 80


def test_an_error_closes_the_block():
  with pytest.raises(ValueError, match='mine'), memory.PeakMemory():
    raise ValueError('mine')
  assert not memory._active
