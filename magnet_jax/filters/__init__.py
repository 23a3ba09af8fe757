"""Filters that correct a finished probability map by its image, untrained."""
