"""Ways to segment a whole image that are compared, one file per method."""
