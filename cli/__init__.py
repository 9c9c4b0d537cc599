"""The `retrax` command. It imports jax when a command runs, so that `--help` answers at once."""

from .main import main

__all__ = ['main']
