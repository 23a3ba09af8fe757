"""PyTorch's weight files to and from ours, by tables of names."""
