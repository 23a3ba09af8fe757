"""Builders that prepare public data sets for TFDS."""
