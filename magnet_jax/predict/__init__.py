"""What the package makes of an image: models, outputs, pictures."""
