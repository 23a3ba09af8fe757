"""Training of segmenters, refiners and correctors."""
