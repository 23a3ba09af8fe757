"""The guided filter beside two other implementations."""

import cv2
import numpy as np
import pytest
import slow_guided

from magnet_jax.filters import guided as filters


@pytest.mark.parametrize(('radius', 'eps'), [(3, 1e-2), (8, 3e-2)])
@pytest.mark.parametrize('colour', [True, False])
def test_opencv_finds_the_same_inside(radius, eps, colour):
  pytest.importorskip('cv2.ximgproc', reason='needs opencv-contrib')
  image, maps = slow_guided.example((70, 85))
  if not colour:
    image[..., 1:] = image[..., :1]
  guide = (image if colour else image[..., 0]).astype(np.float32) / 255
  theirs = np.stack(
    [
      cv2.ximgproc.guidedFilter(
        guide, np.ascontiguousarray(maps[..., index]), radius, eps
      )
      for index in range(maps.shape[-1])
    ],
    axis=-1,
  )
  found = filters.guided(image, maps, radius=radius, eps=eps)
  # It mirrors the image at its border. With a smaller eps it leaves out the
  # guide where the determinant of the covariances is below 1e-6.
  inside = slice(2 * radius, -2 * radius)
  np.testing.assert_allclose(
    found[inside, inside], slow_guided.shares(theirs)[inside, inside], atol=1e-5
  )


def test_a_pytorch_package_finds_the_same_everywhere():
  torch = pytest.importorskip('torch')
  theirs = pytest.importorskip('guided_filter_pytorch.guided_filter')
  image, maps = slow_guided.example((20, 26))
  image[..., 1:] = image[..., :1]
  guide = image[..., :1] / 255

  def planes(array):
    return torch.from_numpy(np.moveaxis(array, -1, 0)[None].astype(np.float64))

  given = theirs.GuidedFilter(4, 1e-3)(planes(guide), planes(maps))
  given = np.moveaxis(given[0].numpy(), 0, -1)
  slow = slow_guided.guided(guide, maps, radius=4, eps=1e-3)
  np.testing.assert_allclose(slow, given, rtol=0, atol=1e-10)
  found = filters.guided(image, maps, radius=4, eps=1e-3)
  np.testing.assert_allclose(found, slow_guided.shares(given), atol=1e-6)
