"""Images that show the same: copies, and shots of overlapping ground.

Copies, including rotated and mirrored ones, are found by a difference hash
(dHash, N. Krawetz 2013) of 256 bits and confirmed by the correlation of
thumbnails. Overlaps are found by SIFT points (Lowe 2004) that a similarity
transform maps from one image to the other, and confirmed by the correlation of
the shared area, since rows of plants and roofs match everywhere. In large sets
only neighbours by name are compared, such as shots of one flight or row.
"""

from collections.abc import Callable, Iterator, Sequence
import dataclasses
import itertools

import cv2
import numpy as np

_SIDE = 32  # of thumbnails
_BITS = 26  # of 256 in which copies may differ
_CORRELATION = 0.9
_BLANK = 2.0  # standard deviation below which an image shows nothing
_POINTS = 1000
_MATCHES, _SHARE = 12, 0.2  # matched points that must agree, and their share
_SMALL = 200  # side of the pictures that confirm an overlap
_ERROR = 1.0  # of a point, in pixels of these pictures
_SAME, _SHARED = 0.4, 0.03  # least correlation and least shared area
_ALL_PAIRS = 60  # up to so many images, all pairs are compared
_NEIGHBOURS = 3


@dataclasses.dataclass(frozen=True)
class Traits:
  """The features by which images are compared.

  Attributes:
    thumbnail: float32 [32,32].
    small: uint8 [h,w], at most 200 pixels a side.
    places: float32 [n,2], of the points in pixels of `small`.
    points: uint8 [n,128], SIFT descriptors.
  """

  thumbnail: np.ndarray
  small: np.ndarray
  places: np.ndarray
  points: np.ndarray


@dataclasses.dataclass(frozen=True)
class Match:
  """Two images that show the same.

  Attributes:
    first: index of an image.
    second: index of another one, larger.
    kind: 'copy' or 'overlap'.
    points: number that agree, for overlaps.
  """

  first: int
  second: int
  kind: str
  points: int = 0


def traits(grey: np.ndarray) -> Traits:
  """Computes the features of a small picture, uint8 [h,w]."""
  thumbnail = cv2.resize(grey, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
  found, points = cv2.SIFT.create(_POINTS).detectAndCompute(grey, None)
  if points is None:
    points = np.zeros((0, 128), np.float32)
  places = np.array([point.pt for point in found], np.float32)
  scale = min(1.0, _SMALL / max(grey.shape))
  size = [max(1, round(side * scale)) for side in grey.shape[::-1]]
  return Traits(
    thumbnail.astype(np.float32),
    cv2.resize(grey, size, interpolation=cv2.INTER_AREA),
    places.reshape(-1, 2) * np.float32(scale),
    points.astype(np.uint8),
  )


def find(
  found: Sequence[Traits], done: Callable[[], None] = lambda: None
) -> list[Match]:
  """Compares images with each other.

  Args:
    found: features of the images, in the order of their names.
    done: called after each image.
  """
  matches = {(m.first, m.second): m for m in _copies(found)}
  matcher = cv2.BFMatcher(cv2.NORM_L2)
  for first in range(len(found)):
    for second in _partners(first, len(found)):
      if (first, second) in matches:
        continue
      points = _agreeing(found[first], found[second], matcher)
      if points:
        matches[first, second] = Match(first, second, 'overlap', points)
    done()
  return [matches[key] for key in sorted(matches)]


def _partners(first: int, count: int) -> range:
  last = count if count <= _ALL_PAIRS else first + 1 + _NEIGHBOURS
  return range(first + 1, min(last, count))


def _symmetries(thumbnail: np.ndarray) -> Iterator[np.ndarray]:
  for turns, mirror in itertools.product(range(4), (False, True)):
    turned = np.rot90(thumbnail, turns)
    yield turned[:, ::-1] if mirror else turned


def _hash(thumbnail: np.ndarray) -> np.ndarray:
  """Packs whether each of 16x16 places is darker than its right neighbour."""
  small = cv2.resize(
    np.ascontiguousarray(thumbnail), (17, 16), interpolation=cv2.INTER_AREA
  )
  return np.packbits(small[:, :-1] < small[:, 1:])


def _copies(found: Sequence[Traits]) -> Iterator[Match]:
  if not found:
    return
  plain = np.stack([_hash(each.thumbnail) for each in found])
  for second, each in enumerate(found):
    if each.thumbnail.std() < _BLANK:
      continue
    for turned in _symmetries(each.thumbnail):
      bits = np.bitwise_count(plain[:second] ^ _hash(turned)).sum(-1)
      for first in np.flatnonzero(bits <= _BITS).tolist():
        other = found[first].thumbnail
        if other.std() >= _BLANK and (
          np.corrcoef(other.ravel(), turned.ravel())[0, 1] >= _CORRELATION
        ):
          yield Match(first, second, 'copy')


def _agreeing(first: Traits, second: Traits, matcher: cv2.BFMatcher) -> int:
  """Counts matched points that a similarity transform explains; 0: too few."""
  if min(len(first.points), len(second.points)) < _MATCHES:
    return 0
  pairs = matcher.knnMatch(
    first.points.astype(np.float32), second.points.astype(np.float32), k=2
  )
  good = [a for a, b in pairs if a.distance < 0.8 * b.distance]
  if len(good) < _MATCHES:
    return 0
  move, inside = cv2.estimateAffinePartial2D(
    first.places[[match.queryIdx for match in good]],
    second.places[[match.trainIdx for match in good]],
    ransacReprojThreshold=_ERROR,
  )
  points = 0 if inside is None else int(inside.sum())
  enough = points >= max(_MATCHES, _SHARE * len(good))
  return points if enough and _same(first.small, second.small, move) else 0


def _same(first: np.ndarray, second: np.ndarray, move: np.ndarray) -> bool:
  """Tells whether a transform maps the second picture onto the first.

  Args:
    first: uint8 [h,w].
    second: uint8 [h,w].
    move: float64 [2,3], from places in the first to those in the second.
  """
  size = first.shape[::-1]
  flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
  laid = cv2.warpAffine(second, move, size, flags=flags)
  inside = cv2.warpAffine(np.full_like(second, 255), move, size, flags=flags)
  shared = inside == 255
  if shared.mean() < _SHARED:
    return False
  one, other = first[shared], laid[shared]
  if min(one.std(), other.std()) < _BLANK:
    return False
  return bool(np.corrcoef(one, other)[0, 1] >= _SAME)


def groups(count: int, matches: Sequence[Match]) -> list[int]:
  """Returns a number for each image, the same for connected ones.

  All shots along a row may be connected; then the weakest overlaps are ignored
  until no group has more than half of the images.
  """
  kept = list(matches)
  while True:
    found = _connected(count, kept)
    overlaps = [match for match in kept if match.kind == 'overlap']
    if not overlaps or max(map(found.count, found)) <= max(2, count // 2):
      return found
    kept.remove(min(overlaps, key=lambda match: match.points))


def _connected(count: int, matches: Sequence[Match]) -> list[int]:
  """Returns a number for each image, the same for linked ones."""
  parent = list(range(count))

  def root(index: int) -> int:
    while parent[index] != index:
      index = parent[index]
    return index

  for match in matches:
    one, other = sorted((root(match.first), root(match.second)))
    parent[other] = one
  return [root(index) for index in range(count)]
