"""What a model is trained on: inputs, targets and weights, from whatever a user has.

A language model is its own target: ShiftRight inside the model makes its inputs from the tokens.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from ..data import Batch, ByteVocabulary, ContiguousBatches, Epochs, Passes


class Example(NamedTuple):
    """One batch as the training step takes it."""

    inputs: Any  # an array, or a tuple of arrays, that the model maps to outputs
    compared: tuple[Any, ...]  # with outputs: targets (batch, ...), and weights, 0 leaves one out
    fresh: bool = False  # whether carried state must start anew before this batch
    starts: Any = None  # (batch,) where in its text each row begins; None: not known


def as_example(batch: Any, n_in: int = 1) -> Example:
    """Returns a batch as an Example.

    Args:
      batch: a `data.Batch`; an array of token ids (batch, time), which is its own target; or a
        tuple (inputs, targets) or (inputs, targets, weights).
      n_in: how many inputs the model takes. Inputs are a tuple then, or stand one after another
        before what outputs are compared with.

    Raises:
      ValueError: it is something else, or ids have no batch and time axes.
    """
    if isinstance(batch, Example):
        return batch
    if isinstance(batch, Batch):
        return _of_text(batch, n_in)
    if isinstance(batch, tuple | list) and len(batch) > 1:
        batch = jax.tree.map(_as_on_device, tuple(batch))
        n = 1 if isinstance(batch[0], tuple) else n_in
        if len(batch) in (n + 1, n + 2):
            inputs, compared = batch[0] if n == 1 else batch[:n], batch[n:]
            # The second of two inputs may be a target too, and the weights stand alone. Where a
            # target stands alone, its weights are made of the outputs, see step.py.
            alone = len(compared) == 1 and n == 1
            return Example(inputs, (*compared, _ones(compared[0])) if alone else compared)
    shape = getattr(batch, 'shape', None)
    if shape is None:
        size = f' of {len(batch)}' if isinstance(batch, tuple | list) else ''
        raise ValueError(
            'a batch: expected token ids (batch, time), a tuple (inputs, targets) or (inputs, '
            f'targets, weights), or a retrax.data.Batch, got {type(batch).__name__}{size}.'
        )
    if len(shape) < 2:
        raise ValueError(
            f'a batch of token ids: expected shape (batch, time), got {tuple(shape)}. Data '
            'is a sequence of batches: fit(model, [ids], ...), or give a text as one str.'
        )
    ids = _as_on_device(batch)
    return Example(ids, (ids, _ones(ids)))


def _of_text(batch, n_in):
    if (batch.resets is None) != (n_in == 1):
        raise ValueError(
            'a batch with resets, where documents begin, is for a model with two inputs, tokens '
            'and resets, and only for such a one: tl.Serial(tl.ShiftRight(), tl.Embedding(...), '
            'tl.Recurrent(tl.GRUCell(...), resets=True), ...). This batch has '
            f'{"none" if batch.resets is None else "them"}, the model takes {n_in}.'
        )
    inputs = batch.tokens if batch.resets is None else (batch.tokens, batch.resets)
    return Example(inputs, (batch.tokens, batch.weights), batch.fresh, batch.starts)


def text_batches(text: str, batch_size: int, window: int) -> ContiguousBatches:
    """Returns the UTF-8 bytes of a text as contiguous batches, for a model of 256 ids."""
    return ContiguousBatches(ByteVocabulary().encode(text), batch_size, window)


def is_contiguous(data: Any) -> bool:
    """Whether each batch goes on where the one before it ended, so that state is carried."""
    return getattr(data, 'is_contiguous', False)


def batches_from(data: Iterable[Any], step: int = 0, place: Any = None) -> Iterator[Any]:
    """Yields the batch of `step` and those after it; anything but an iterator starts over.

    Data without indices goes on at `place`, see `Passes`, or is read up to there again.

    Raises:
      ValueError: there is no batch, or an iterator ends.
    """
    if isinstance(data, Sequence | Epochs | np.ndarray):
        return _by_index(data, step)
    return Passes(data, step, place)


def _by_index(data, step):
    if not len(data):
        raise ValueError('the training data has no batches')
    size = None if isinstance(data, Epochs) else len(data)  # Epochs count on over all epochs
    for i in itertools.count(step):
        yield data[i if size is None else i % size]


def _as_on_device(array):
    """Gives a NumPy array the dtype that it has on the device: 32 bits in the place of 64."""
    if not isinstance(array, np.ndarray):
        return array
    narrow = array.astype(jax.dtypes.canonicalize_dtype(array.dtype), copy=False)
    if np.issubdtype(array.dtype, np.integer) and not np.array_equal(narrow, array):
        raise ValueError(
            f'a batch has integers from {array.min()} to {array.max()}, which do not fit into '
            f'{narrow.dtype}'
        )
    return narrow


def _ones(targets):
    return np.ones(np.shape(targets), np.float32)
