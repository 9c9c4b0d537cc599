"""Checks that several layers make, with errors that teach."""

from typing import Any

from ..combinators import mismatch


def positive(n, what: str) -> int:
    """Returns `n` if it is a positive int.

    Raises:
      ValueError: it is not; the message starts with `what`.
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f'{what} must be a positive int, got {n!r}')
    return n


def same_batch(state: Any, x: Any) -> None:
    """Raises ValueError unless a state has as many rows as the inputs."""
    if state.shape[0] != x.shape[0]:
        raise mismatch(
            'the batch of the state',
            x.shape[0],
            state.shape[0],
            'Use model.new_state(batch_size).',
        )
