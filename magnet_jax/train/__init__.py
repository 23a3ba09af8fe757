"""Training of the segmenter and of the refiner."""
