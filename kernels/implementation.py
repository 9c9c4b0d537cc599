"""Which implementation of a kernel runs: one choice, for all kernels."""

from typing import Literal, get_args

Implementation = Literal['auto', 'reference', 'xla']


def resolved(implementation: str) -> str:
    """Returns the implementation that runs: 'reference' or 'xla'.

    'reference' is the formula as plain loops of jax.lax, which jax differentiates in every mode.
    'xla' gives the same numbers up to rounding in less time. 'auto' is the fastest that there is
    for the backend, and that is 'xla' everywhere so far.

    Raises:
      ValueError: there is no such implementation.
    """
    if implementation not in get_args(Implementation):
        words = ', '.join(map(repr, get_args(Implementation)))
        raise ValueError(
            f"implementation must be one of {words}, got {implementation!r}; 'auto' is the fastest "
            'that there is for the backend'
        )
    return 'xla' if implementation == 'auto' else implementation
