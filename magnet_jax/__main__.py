"""`python -m magnet_jax`, the same as the console command."""

from magnet_jax.cli import main

if __name__ == '__main__':
  main.run()
