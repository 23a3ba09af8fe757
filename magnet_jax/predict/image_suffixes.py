"""The suffixes of image files that are segmented."""

from magnet_jax.data import file_pairs
from magnet_jax.rasters import slides

ALL = (*file_pairs.SUFFIXES, '.jp2', *slides.SUFFIXES)
