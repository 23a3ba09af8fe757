"""What `magnet-jax init` finds in a folder of images and masks."""
