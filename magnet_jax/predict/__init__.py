"""Segmentation of image files: models, outputs, pictures."""
