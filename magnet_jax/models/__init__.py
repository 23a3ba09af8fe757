"""Networks as linen modules with plain keyword arguments."""
