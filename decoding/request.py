"""The ids that a caller of `generate` gives, checked and made uniform: one line for each row."""

import operator
from typing import Any

import numpy as np


def count(value: Any, what: str, least: int = 0, who: str = 'generate') -> int:
    """Returns an int of at least `least`."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if number < least or isinstance(value, bool):
        raise ValueError(f'{who}: {what} must be an int of at least {least}, got {value!r}')
    return number


def rows_of(prompt: Any, batch_size: int, who: str = 'generate') -> np.ndarray:
    """Returns a prompt as (batch, n) ints; a prompt of one row serves all rows.

    Raises:
      TypeError: it has no integers.
      ValueError: it is not (n,) or (batch, n), or is of another batch than batch_size.
    """
    if prompt is None:
        return np.zeros((batch_size, 0), np.int64)
    ids = _rectangle(prompt, who)
    if ids.size and not np.issubdtype(ids.dtype, np.integer):
        raise TypeError(
            f'{who}: prompt must be integer ids, got dtype {ids.dtype}. '
            'Encode text with a vocabulary first.'
        )
    if ids.ndim not in (1, 2):
        raise ValueError(f'{who}: prompt must be (n,) or (batch, n), got shape {ids.shape}')
    ids = np.atleast_2d(ids).astype(np.int64)
    if len(ids) != batch_size and 1 not in (len(ids), batch_size):
        raise ValueError(
            f'{who}: prompt has {len(ids)} rows and batch_size is {batch_size}; '
            'leave batch_size out, or give one prompt for all rows'
        )
    return np.broadcast_to(ids, (max(len(ids), batch_size), ids.shape[1]))


def _rectangle(prompt, who):
    try:
        return np.asarray(prompt)
    except ValueError:
        raise ValueError(
            f'{who}: the rows of prompt have different lengths; give prompts of one length, '
            f'or {who} for each alone'
        ) from None


def with_start(
    prompt: np.ndarray, start_id: int | None, name: str, who: str = 'generate'
) -> np.ndarray:
    """Returns the ids that the model is to read: the start id and the prompt.

    Raises:
      ValueError: there is nothing to read.
    """
    if start_id is not None:
        start = np.full((len(prompt), 1), start_id, prompt.dtype)
        return np.concatenate([start, prompt], axis=1)
    if prompt.shape[1] == 0:
        raise ValueError(
            f'{who}: {name} has no start id (a model has one from ShiftRight), so it needs a '
            f'prompt of at least one id: {who}(model, prompt=[...])'
        )
    return prompt


def check_ids(ids: np.ndarray, vocab_size: int, what: str, who: str = 'generate') -> np.ndarray:
    """Returns ids as int32, sure that the model has each of them.

    Raises:
      ValueError: one is out of range; compiled code would clip it and say nothing.
    """
    bad = np.argwhere((ids < 0) | (ids >= vocab_size))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        raise ValueError(
            f'{who}: {what} has id {ids[place]} at {place}, and the model has ids 0 to '
            f'{vocab_size - 1}. Use the vocabulary that the model was trained with.'
        )
    return ids.astype(np.int32)
