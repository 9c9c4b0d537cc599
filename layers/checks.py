"""Checks that several layers make, with errors that teach."""

from typing import Any

import numpy as np

from ..combinators import mismatch


def positive(n, what: str) -> int:
    """Returns `n` as an int if it is a positive one, of Python or NumPy.

    Raises:
      ValueError: it is not; the message starts with `what`.
    """
    if isinstance(n, int | np.integer) and not isinstance(n, bool) and n > 0:
        return int(n)
    fix = f'. Write {int(n)}' if isinstance(n, str) and n.isdecimal() else ''
    raise ValueError(f'{what} must be a positive int, got {n!r}{fix}')


def width(signature: Any) -> int:
    """Returns the size of the last axis of the inputs, which weights are to be as wide as.

    Raises:
      ValueError: there is no such axis, or its size is a name.
    """
    if not signature.shape:
        raise mismatch('the input', 'an array with a last axis of features', signature)
    d = signature.shape[-1]
    if isinstance(d, int):
        return d
    fix = _FOR_IDS if _are_ids(signature) else 'Write the number of features.'
    raise mismatch("the width of the input's last axis", 'a number', f'{str(d)!r}', fix)


def same_width(x: Any, expected: int) -> None:
    """Raises ValueError unless the last axis of the inputs is as wide as the weights expect."""
    if x.shape[-1] != expected:
        fix = (
            'The layer was initialised for another width: call init for this one, or mend the '
            'input.'
        )
        fix = _FOR_IDS if _are_ids(x) else fix
        raise mismatch("the width of the input's last axis", expected, x.shape[-1], fix)


_FOR_IDS = 'If these are ids, put an Embedding before it.'


def _are_ids(x):
    return np.issubdtype(x.dtype, np.integer)


def rate(value, what: str) -> float:
    """Returns `value` if it is a probability of leaving something out, from 0 up to but not 1.

    Raises:
      ValueError: it is not; the message starts with `what`.
    """
    if isinstance(value, str) or not 0 <= value < 1:
        raise ValueError(f'{what} must be at least 0 and less than 1, got {value!r}')
    return value


def same_batch(state: Any, x: Any) -> None:
    """Raises ValueError unless a state has as many rows as the inputs."""
    if state.shape[0] != x.shape[0]:
        raise mismatch(
            'the batch of the state',
            x.shape[0],
            state.shape[0],
            'Use model.new_state(batch_size).',
        )
