"""Pure array functions, independent of networks, configs and files."""
