"""The dense CRF beside the package that the original code became."""

import numpy as np
import pytest
import slow_dense_crf

from magnet_jax.filters import dense_crf


def test_labels_are_nearer_to_the_exact_ones_than_those_of_pydensecrf():
  package = pytest.importorskip('pydensecrf.densecrf')
  differing = np.zeros(3, int)
  for kind in ('fields', 'ramp', 'noise'):
    image, maps = slow_dense_crf.example(kind)
    exact = slow_dense_crf.dense_crf(image, maps).argmax(-1)
    ours = dense_crf.dense_crf(image, maps).argmax(-1)
    coarse = dense_crf.dense_crf(image, maps, cells=1.6).argmax(-1)
    theirs = _theirs(package, image, maps).argmax(-1)
    differing += [(each != exact).sum() for each in (ours, coarse, theirs)]
  assert differing[0] < differing[2] / 10, differing
  assert differing[1] < differing[2] / 4, differing


def _theirs(package, image, maps):
  height, width, classes = maps.shape
  crf = package.DenseCRF2D(width, height, classes)
  energies = -np.log(maps.clip(1e-5, 1)).reshape(-1, classes).T
  crf.setUnaryEnergy(np.ascontiguousarray(energies))
  crf.addPairwiseGaussian(sxy=3, compat=3)
  crf.addPairwiseBilateral(sxy=80, srgb=13, rgbim=image, compat=10)
  return (
    np.array(crf.inference(5))
    .reshape(classes, height, width)
    .transpose(1, 2, 0)
  )
