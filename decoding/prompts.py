"""The ids that a caller of decoding gives, checked and made uniform: one line for each row."""

import operator
from typing import Any, NamedTuple

import numpy as np


class Prompt(NamedTuple):
    """Ids of rows that may have different lengths."""

    ids: np.ndarray  # (batch, longest), 0 behind the end of a row
    lengths: np.ndarray  # (batch,)

    @property
    def rows(self) -> list[np.ndarray]:
        """The ids of each row, without padding."""
        return [row[:n] for row, n in zip(self.ids, self.lengths, strict=True)]

    @property
    def last(self) -> np.ndarray:
        """The last id of each row, (batch,); no row may be empty."""
        return np.take_along_axis(self.ids, self.lengths[:, None] - 1, axis=1)[:, 0]

    @property
    def without_last(self) -> 'Prompt':
        """The rows without their last id."""
        return Prompt(self.ids, self.lengths - 1)

    @property
    def array(self) -> np.ndarray:
        """The ids with no more padding than the longest row has, as int32."""
        return self.ids[:, : self.lengths.max()].astype(np.int32)

    def take(self, rows: Any) -> 'Prompt':
        """Returns some rows, by number."""
        return Prompt(self.ids[rows], self.lengths[rows])


def count(value: Any, what: str, least: int = 0, who: str = 'generate') -> int:
    """Returns an int of at least `least`, as the device counts."""
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if not least <= number < 2**31 or isinstance(value, bool):
        most = '' if number < 2**31 else ' and below 2**31'
        raise ValueError(f'{who}: {what} must be an int of at least {least}{most}, got {value!r}')
    return number


def rows_of(prompt: Any, batch_size: int, who: str = 'generate', lengths: Any = None) -> Prompt:
    """Returns a prompt as rows of ints; a prompt of one row serves all rows.

    Args:
      prompt: (n,) or (batch, n), or a list of rows of any lengths; None for nothing.
      batch_size: how many rows, if the prompt does not say it.
      who: who asks, for errors.
      lengths: how many ids of each row of (batch, n) count; None for all.

    Raises:
      TypeError: it has no integers.
      ValueError: it is none of these, or is of another batch than batch_size.
    """
    batch_size = count(batch_size, 'batch_size', least=1, who=who)
    if prompt is None:
        prompt = np.zeros((batch_size, 0), np.int64)
    found = padded(prompt, 'prompt', who)
    if lengths is not None:
        found = _cut(found, lengths, who)
    n = len(found.ids)
    if n != batch_size and 1 not in (n, batch_size):
        raise ValueError(
            f'{who}: prompt has {n} rows and batch_size is {batch_size}; '
            'leave batch_size out, or give one prompt for all rows'
        )
    return found.take(np.zeros(batch_size, int)) if n == 1 else found


def padded(value: Any, what: str, who: str) -> Prompt:
    """Returns ids (n,), (batch, n) or a list of rows of any lengths as rows of int64.

    Raises:
      TypeError: they are no integers.
      ValueError: the shape is another.
    """
    try:
        ids = np.asarray(value)
    except ValueError:  # of different lengths
        return _joined(value, what, who)
    _check_integers(ids, what, who)
    if ids.ndim not in (1, 2):
        raise ValueError(
            f'{who}: {what} must be (n,) or (batch, n), or a list of rows, got shape {ids.shape}'
        )
    ids = np.atleast_2d(ids).astype(np.int64)
    return Prompt(ids, np.full(len(ids), ids.shape[1]))


def _joined(value, what, who):
    try:
        rows = [np.asarray(row) for row in value]
    except ValueError:
        rows = []
    if not rows or any(row.ndim != 1 for row in rows):
        raise ValueError(
            f'{who}: {what} must be (n,) or (batch, n), or a list of rows of ids, got '
            f'{type(value).__name__} of unequal parts'
        )
    lengths = np.array([len(row) for row in rows])
    ids = np.zeros((len(rows), lengths.max()), np.int64)
    for line, row in zip(ids, rows, strict=True):
        _check_integers(row, what, who)
        line[: len(row)] = row
    return Prompt(ids, lengths)


def _check_integers(ids, what, who):
    if ids.size and not np.issubdtype(ids.dtype, np.integer):
        raise TypeError(
            f'{who}: {what} must be integer ids, got dtype {ids.dtype}. '
            'Encode text with a vocabulary first.'
        )


def _cut(found, lengths, who):
    """Returns rows of which only the first ids count; what is behind them becomes 0."""
    given, (n, longest) = np.asarray(lengths), found.ids.shape
    fits = np.issubdtype(given.dtype, np.integer) and given.shape == (n,)
    if not fits or (given < 0).any() or (given > found.lengths).any():
        raise ValueError(
            f'{who}: prompt_lengths must be {n} ints from 0 to {longest}, one for each row of the '
            f'prompt, got {lengths!r}'
        )
    inside = np.arange(longest) < given[:, None]
    return Prompt(np.where(inside, found.ids, 0), given.astype(np.int64))


def with_start(
    prompt: Prompt, start_ids: np.ndarray | None, name: str, who: str = 'generate'
) -> Prompt:
    """Returns the ids that the model is to read: the start id of each row and the prompt.

    Raises:
      ValueError: there is nothing to read.
    """
    if start_ids is not None:
        ids = np.concatenate([start_ids[:, None], prompt.ids], axis=1)
        return Prompt(ids, prompt.lengths + 1)
    if (prompt.lengths == 0).any():
        some = '' if prompt.lengths.max() == 0 else f'; row {int(prompt.lengths.argmin())} is empty'
        raise ValueError(
            f'{who}: {name} has no start id (a model has one from ShiftRight), so it needs a '
            f'prompt of at least one id in each row: {who}(model, prompt=[...]){some}'
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
