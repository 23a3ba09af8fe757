import pytest

from magnet_jax.cascade import by_window


@pytest.mark.parametrize('batch', [1, 2, 5])
@pytest.mark.parametrize('numbers', [[], [0], [6], [0, 3, 4], list(range(7))])
def test_parts_have_all_windows_once_and_whole_batches(batch, numbers):
  parts = by_window.split(range(7), numbers, batch)
  assert [n for windows, _ in parts for n in windows] == list(range(7))
  assert [n for _, chosen in parts for n in chosen] == numbers
  for windows, chosen in parts:
    assert set(chosen) <= set(windows)
    assert len(chosen) == batch or windows is parts[-1][0]


def test_parts_end_where_nothing_is_refined_for_long(monkeypatch):
  monkeypatch.setattr(by_window, 'MOST', 4)
  parts = by_window.split(range(10), [1, 9], 2)
  assert [len(windows) for windows, _ in parts] == [4, 4, 2]
  assert [chosen for _, chosen in parts] == [[1], [], [9]]
