"""Findings as text."""

from magnet_jax.survey import findings
from magnet_jax.survey.findings import Finding


def test_a_finding_names_its_first_files_and_its_remedy():
  files = tuple(f'{i}.png' for i in range(7))
  found = Finding('error', 'kind', 'text', 'remedy', files)
  assert found.lines() == [
    'error: text',
    '  0.png, 1.png, 2.png, 3.png, 4.png and 2 more',
    '  -> remedy',
  ]
  assert Finding('note', 'kind', 'text', files=files[:5]).lines() == [
    'note: text',
    '  0.png, 1.png, 2.png, 3.png, 4.png',
  ]
  assert Finding('note', 'kind', 'text').lines() == ['note: text']


def test_findings_about_files_count_them():
  assert findings.about((), 'image', 'kind', 'text', level='note') == []
  (one,) = findings.about(['a'], 'image', 'kind', 'text', 'r', level='note')
  assert one == Finding('note', 'kind', '1 image text', 'r', ('a',))
  (two,) = findings.about(['a', 'b'], 'image', 'kind', 'text', level='error')
  assert two == Finding('error', 'kind', '2 images text', '', ('a', 'b'))


def test_errors_come_first_and_keep_their_order():
  made = [
    Finding(level, str(i), '')
    for i, level in enumerate(('note', 'error', 'warning', 'error'))
  ]
  assert [each.kind for each in findings.ordered(made)] == ['1', '3', '2', '0']
