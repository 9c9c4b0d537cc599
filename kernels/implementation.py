"""The choice of how a recurrence runs, made in one place."""

from collections.abc import Callable
from typing import Any, Literal, get_args

Implementation = Literal['auto', 'scan', 'saved_gates']


def pick(implementation: Implementation, scan: Callable, saved_gates: Callable) -> Any:
    """Returns the loop to run: 'auto' is 'saved_gates', the one with its own backward pass.

    Raises:
      ValueError: there is no such implementation.
    """
    if implementation not in get_args(Implementation):
        known = ', '.join(map(repr, get_args(Implementation)))
        raise ValueError(f'implementation must be one of {known}, got {implementation!r}')
    return scan if implementation == 'scan' else saved_gates
