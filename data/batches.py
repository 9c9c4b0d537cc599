"""Contiguous batches: row j of the next batch continues row j of this one.

That is what a recurrent state carried from batch to batch needs. Cutting a text into windows and
putting neighbours side by side in one batch carries the state of one place to another, silently.

    tokens  0 1 2 3 4 5 6 7 8 9 10        batch_size 2, window 4
    stream 0:  0 1 2 3 | 4 5  .  .        a dot is padding, with weight 0
    stream 1:  6 7 8 9 | 10 . .  .
"""

import operator
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_INT32 = np.iinfo(np.int32)


class Batch(NamedTuple):
    """One window of every stream."""

    tokens: npt.NDArray[np.int32]  # (batch_size, window), padded with 0
    weights: npt.NDArray[np.float32]  # (batch_size, window), 1 for a token and 0 for padding
    fresh: bool  # True for the first window of an epoch: carried state must start anew


class ContiguousBatches:
    """Cut tokens into `batch_size` streams and walk all streams window by window.

    A sequence without an own position: batch i is a function of i, so a run that was stopped goes
    on at its step and sees what it would have seen. Stream lengths differ by one at most, the
    longer ones first; the last windows are padded. Every token is used once per epoch, with weight
    1, and every batch has the same shape.

    >>> batches = ContiguousBatches(range(11), batch_size=2, window=4)
    >>> len(batches)
    2
    >>> [batch.tokens.tolist() for batch in batches]
    [[[0, 1, 2, 3], [6, 7, 8, 9]], [[4, 5, 0, 0], [10, 0, 0, 0]]]
    >>> batches[1].weights.tolist()
    [[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    >>> batches[2].fresh  # the first window of epoch 1
    True

    Shapes: tokens (n,).

    Raises:
        TypeError: tokens that are not integers.
        ValueError: tokens that are not one row, or fewer than 2 per stream; sizes below 1.
    """

    def __init__(self, tokens: npt.ArrayLike, batch_size: int, window: int) -> None:
        if batch_size < 1 or window < 1:
            raise ValueError(
                f'ContiguousBatches got batch_size={batch_size}, window={window}; both must be at '
                'least 1.'
            )
        array = _checked_tokens(tokens, batch_size)
        self.batch_size, self.window, self.n_tokens = batch_size, window, array.size
        shortest, longer = divmod(array.size, batch_size)
        self._lengths = shortest + (np.arange(batch_size) < longer)  # (batch_size,)
        self._n_windows = -(-int(self._lengths[0]) // window)
        self._streams = np.zeros((batch_size, self._n_windows * window), np.int32)
        real = np.arange(self._streams.shape[1]) < self._lengths[:, None]
        self._streams[real] = array  # row by row, so each stream is one contiguous piece

    def __len__(self) -> int:
        """The number of batches in one epoch."""
        return self._n_windows

    def __getitem__(self, index: int) -> Batch:
        """Return the batch of a global step >= 0: window index % len of epoch index // len."""
        step = operator.index(index)
        if step < 0:
            raise IndexError(
                f'ContiguousBatches got the index {step}; it counts windows over all epochs from '
                'the first one, so it starts at 0 and has no end to count back from.'
            )
        window = step % len(self)
        columns = np.arange(window * self.window, (window + 1) * self.window)
        weights = (columns < self._lengths[:, None]).astype(np.float32)
        return Batch(self._streams[:, columns], weights, fresh=window == 0)

    def __iter__(self) -> Iterator[Batch]:
        """Yield the batches of one epoch."""
        return (self[step] for step in range(len(self)))

    def __repr__(self) -> str:
        return (
            f'ContiguousBatches(n_tokens={self.n_tokens}, batch_size={self.batch_size}, '
            f'window={self.window}, len={len(self)})'
        )


def _checked_tokens(tokens: npt.ArrayLike, batch_size: int) -> npt.NDArray[np.int32]:
    array = np.asarray(tokens)
    if array.ndim != 1:
        raise ValueError(
            f'ContiguousBatches expected tokens of shape (n,), one running text; got shape '
            f'{array.shape}. Give the text before it is cut: vocabulary.encode(text).'
        )
    # Two per stream, so that each stream has at least one token to be predicted from another.
    if array.size < 2 * batch_size:
        raise ValueError(
            f'ContiguousBatches got {array.size} tokens for batch_size={batch_size}; expected at '
            f'least 2 per stream, that is {2 * batch_size}. Use a longer text'
            + (f', or a batch_size of at most {array.size // 2}.' if array.size > 1 else '.')
        )
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(
            f'ContiguousBatches expected integer tokens, got dtype {array.dtype}. Encode text '
            'with a vocabulary first: vocabulary.encode(text).'
        )
    if array.max() > _INT32.max or array.min() < 0:
        raise ValueError(
            f'ContiguousBatches expected token ids from 0 to {_INT32.max}; got ids from '
            f'{array.min()} to {array.max()}.'
        )
    return array.astype(np.int32)
