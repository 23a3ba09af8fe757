"""A survey of a small folder, and what is among its findings."""

from magnet_jax.survey import survey


def look(folder, **settings):
  return survey.survey(folder, folder / 'out', **settings)


def finding(found, kind):
  """The only finding of a kind."""
  one = [each for each in found.findings if each.kind == kind]
  assert len(one) == 1, [(f.kind, f.text) for f in found.findings]
  return one[0]


def kinds(found, *levels):
  return {each.kind for each in found.findings if each.level in levels}
