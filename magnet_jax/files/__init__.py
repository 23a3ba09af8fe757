"""Files read and written whole: images, records, checkpoints."""
