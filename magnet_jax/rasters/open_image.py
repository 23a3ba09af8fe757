"""Opens an image file with the reader that suits it."""

from collections.abc import Sequence

from magnet_jax.files import decoding
from magnet_jax.files.atomic import PathLike
from magnet_jax.rasters import geo, slides, whole
from magnet_jax.rasters.rasters import Raster


def open_image(
  path: PathLike,
  *,
  bands: Sequence[int] | None = None,
  stretch: str | tuple[float, float] = 'none',
  max_pixels: int = decoding.MAX_PIXELS,
) -> Raster:
  """Opens an image file with the reader that suits it.

  JPEG and PNG files up to `whole.PIXELS` are read whole, by the decoder that
  the package uses for all images; larger ones row by row, TIFF and other GDAL
  formats block by block, and microscope slides through OpenSlide. The notes of
  the raster say what the user should know about it.

  Args:
    path: the file.
    bands: one or three of its bands, from 1, as red, green, blue; None: the
      one or three that it has besides alpha.
    stretch: how values of more than 8 bits become 8, see `stretching`.
    max_pixels: largest height * width of what must be read whole: an image, or
      a block of it.

  Raises:
    InputError: missing, empty, of another format, damaged, without the bands
      or the range that the network needs, or the package for it is missing.
  """
  path = decoding.check_file(path)
  with decoding.guarded(path):
    if path.suffix.lower() in slides.SUFFIXES:
      return slides.open_slide(path, bands=bands)
    stretched = stretch != 'none'
    reason = whole.reason(
      path,
      chosen=bands is not None,
      stretched=stretched,
      largest=max_pixels,
    )
    if reason is None:
      return geo.open_file(
        path, bands=bands, stretch=stretch, max_pixels=max_pixels
      )
    return whole.read(
      path, reason, bands=bands, stretched=stretched, max_pixels=max_pixels
    )
