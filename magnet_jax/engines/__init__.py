"""Programs other than XLA that run a network on the host."""
