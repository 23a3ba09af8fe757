"""Scores as sums that merge over batches, devices and images."""
