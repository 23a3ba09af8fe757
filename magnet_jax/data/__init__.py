"""Class tables, sources, augmentation and input pipelines."""
