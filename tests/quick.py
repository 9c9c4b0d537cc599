"""Compiling quickly: XLA optimises little, where tests compile much and run little."""

import contextlib
import os
from collections.abc import Iterator

import jax


@contextlib.contextmanager
def quickly() -> Iterator[None]:
    """Compiles so in a block of code; RETRAX_HYPOTHESIS=thorough compiles as users do."""
    jax.config.update('jax_disable_most_optimizations', not is_thorough())
    try:
        yield
    finally:
        jax.config.update('jax_disable_most_optimizations', False)


def is_thorough() -> bool:
    """Whether tests take the time that they need."""
    return os.environ.get('RETRAX_HYPOTHESIS') == 'thorough'
