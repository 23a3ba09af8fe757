"""Progressive segmentation of images too large for the accelerator."""
