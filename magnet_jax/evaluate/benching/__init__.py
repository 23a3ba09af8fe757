"""Times of every part, and of the same networks in PyTorch."""
