"""Two models or segmentations side by side: where they differ."""
