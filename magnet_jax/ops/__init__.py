"""Pure array functions: they know nothing of networks, configs or files."""
