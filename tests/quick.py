"""Compiling quickly: XLA optimises little, where tests compile much and run little.

Quick and full programs differ in the last place of some numbers, and jax finds a program in memory
again whatever was disabled when it was compiled. The profile version, which CPUs do not read, is a
part of what it looks up: so no test runs what another has compiled quickly.
"""

import contextlib
import os
from collections.abc import Iterator

import jax

QUICK = {'jax_disable_most_optimizations': True, 'jax_xla_profile_version': 1}
FULL = {'jax_disable_most_optimizations': False, 'jax_xla_profile_version': 0}


@contextlib.contextmanager
def quickly() -> Iterator[None]:
    """Compiles so in a block of code; RETRAX_HYPOTHESIS=thorough compiles as users do."""
    _compile(FULL if is_thorough() else QUICK)
    try:
        yield
    finally:
        _compile(FULL)


def _compile(settings: dict[str, bool | int]) -> None:
    for name, value in settings.items():
        jax.config.update(name, value)


def is_thorough() -> bool:
    """Whether tests take the time that they need."""
    return os.environ.get('RETRAX_HYPOTHESIS') == 'thorough'
