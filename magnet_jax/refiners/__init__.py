"""Refiners: what corrects a segmentation, one file per method."""
