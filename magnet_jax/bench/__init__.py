"""Benchmarks: the loop and its parts, networks, training, all at once."""
