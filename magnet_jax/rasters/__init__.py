"""Images read and written by windows: GeoTIFF, slides, whole files."""
