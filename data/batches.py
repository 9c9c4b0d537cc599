"""Contiguous batches: row j of the next batch continues row j of this one.

That is what a recurrent state carried from batch to batch needs. Cutting a text into windows and
putting neighbours side by side in one batch carries the state of one place to another, silently.

    tokens  0 1 2 3 4 5 6 7 8 9 10        batch_size 2, window 4
    stream 0:  0 1 2 3 | 4 5  .  .        a dot is padding, with weight 0
    stream 1:  6 7 8 9 | 10 . .  .
"""

import abc
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .epochs import Epochs
from .ids import START_ID

_INT32 = np.iinfo(np.int32)


class Batch(NamedTuple):
    """One window of every stream."""

    tokens: npt.NDArray[np.int32]  # (batch_size, window), padded with 0
    weights: npt.NDArray[np.float32]  # (batch_size, window), 1 for a token and 0 for padding
    fresh: bool  # whether state that is carried must start anew, as at the start of an epoch
    starts: npt.NDArray[np.int64] | None = None  # (batch_size,) where in the text each row begins
    resets: npt.NDArray[np.float32] | None = None  # (batch_size, window), 1 where a document begins


class StoredTokens(abc.ABC):
    """Ids that are kept elsewhere and come by slices, from 0 to 2^31 - 1."""

    @abc.abstractmethod
    def __len__(self) -> int:
        """How many there are."""

    @abc.abstractmethod
    def __getitem__(self, places: slice) -> npt.NDArray[np.integer]:
        """Returns those of a slice without a step."""


class TokenSlice(StoredTokens):
    """A part of stored ids, without reading it: those from `start` up to and without `stop`."""

    def __init__(self, tokens: StoredTokens, start: int, stop: int) -> None:
        self._tokens, self._start, self._n = tokens, start, stop - start

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, places: slice) -> npt.NDArray[np.integer]:
        start, stop, _ = places.indices(self._n)
        return self._tokens[self._start + start : self._start + max(start, stop)]


class ContiguousBatches(Epochs[Batch]):
    """Cut tokens into `batch_size` streams and walk all streams window by window.

    Stream lengths differ by one at most, the longer ones first; the last windows are padded. Every
    token is used once per epoch, with weight 1, and every batch has the same shape.

    >>> batches = ContiguousBatches(range(11), batch_size=2, window=4)
    >>> len(batches)
    2
    >>> [batch.tokens.tolist() for batch in batches]
    [[[0, 1, 2, 3], [6, 7, 8, 9]], [[4, 5, 0, 0], [10, 0, 0, 0]]]
    >>> batches[1].weights.tolist()
    [[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]]
    >>> batches[2].fresh  # the first window of epoch 1
    True

    With documents=True the id 0, which no vocabulary gives to text, stands between documents: it
    has weight 0, and `resets` says before which steps a state must begin anew. A model hears it as
    its second input, see `tl.Recurrent(..., resets=True)`.

    >>> documents = ContiguousBatches([5, 6, 0, 7, 8, 9], 1, 6, documents=True)
    >>> documents[0].resets.tolist(), documents[0].weights.tolist()
    ([[1.0, 0.0, 0.0, 1.0, 0.0, 0.0]], [[1.0, 1.0, 0.0, 1.0, 1.0, 1.0]])

    Shapes: tokens (n,); those of a `TokenFile` are read window by window.

    Raises:
        TypeError: tokens that are not integers.
        ValueError: tokens that are not one row, or fewer than 2 per stream; sizes below 1.
    """

    is_contiguous = True

    def __init__(
        self,
        tokens: npt.ArrayLike | StoredTokens,
        batch_size: int,
        window: int,
        documents: bool = False,
    ) -> None:
        if batch_size < 1 or window < 1:
            raise ValueError(
                f'ContiguousBatches got batch_size={batch_size}, window={window}; both must be at '
                'least 1.'
            )
        self._tokens = tokens if isinstance(tokens, StoredTokens) else _checked_tokens(tokens)
        self.batch_size, self.window, self.n_tokens = batch_size, window, len(self._tokens)
        _check_length(self.n_tokens, batch_size)
        self._documents = documents
        shortest, longer = divmod(self.n_tokens, batch_size)
        self._lengths = shortest + (np.arange(batch_size) < longer)  # (batch_size,)
        self._starts = np.cumsum(self._lengths) - self._lengths  # (batch_size,)

    def __len__(self) -> int:
        return -(-int(self._lengths[0]) // self.window)

    def _batch(self, epoch: int, place: int) -> Batch:
        tokens = np.full((self.batch_size, self.window), START_ID, np.int32)
        weights = np.zeros(tokens.shape, np.float32)
        offset = place * self.window
        starts = self._starts + offset
        for row, (start, left) in enumerate(zip(starts, self._lengths - offset, strict=True)):
            found = self._tokens[int(start) : int(start + np.clip(left, 0, self.window))]
            tokens[row, : len(found)] = found
            weights[row, : len(found)] = 1
        if not self._documents:
            return Batch(tokens, weights, place == 0, starts)
        weights[tokens == START_ID] = 0
        resets = np.zeros_like(weights)
        resets[:, 1:] = tokens[:, :-1] == START_ID
        resets[:, 0] = [place == 0 or self._is_end(int(start) - 1) for start in starts]
        return Batch(tokens, weights, place == 0, starts, resets)

    def _is_end(self, position):
        return START_ID in self._tokens[position : position + 1]

    def __repr__(self) -> str:
        return (
            f'ContiguousBatches(n_tokens={self.n_tokens}, batch_size={self.batch_size}, '
            f'window={self.window}, len={len(self)})'
        )


def _check_length(n: int, batch_size: int) -> None:
    # Two per stream, so that each stream has at least one token to be predicted from another.
    if n < 2 * batch_size:
        raise ValueError(
            f'ContiguousBatches got {n} tokens for batch_size={batch_size}; expected at '
            f'least 2 per stream, that is {2 * batch_size}. Use a longer text'
            + (f', or a batch_size of at most {n // 2}.' if n > 1 else '.')
        )


def _checked_tokens(tokens: npt.ArrayLike) -> npt.NDArray[np.int32]:
    array = np.asarray(tokens)
    if array.ndim != 1:
        raise ValueError(
            f'ContiguousBatches expected tokens of shape (n,), one running text; got shape '
            f'{array.shape}. Give the text before it is cut: vocabulary.encode(text).'
        )
    if not array.size:
        return array.astype(np.int32)
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
