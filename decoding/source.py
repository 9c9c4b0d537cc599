"""Models of two inputs, which read a source and write a text: Transformer and its like.

The source is read once, before the text. What the model's caches keep of it stays as it is from
then on; a model without a cache is given the source at every step.
"""

from typing import Any

import jax
import numpy as np

from ..combinators import LayerError, ShapeDtype
from ..combinators.cache import Kept, emptied, filled, in_caches
from ..combinators.ranges import Compiled
from . import prompts
from .drawing import by_rows
from .rows import SHARED, batch_axes


def rows_with_source(
    who: str, predict: Any, source: Any, prompt: prompts.Prompt
) -> tuple[prompts.Prompt, prompts.Prompt | None]:
    """Returns the rows of a prompt, and the source that the model reads for each of them.

    A source of one row is for all rows, and so is a prompt of one row. An array is read as it
    stands. A row of a list is padded with id 0 to a power of two, so that few programs are
    compiled, if the model takes texts of that length.

    Args:
      who: the function that was called.
      predict: the model.
      source: ids (n,) or (batch, n), or a list of rows of any lengths; None for none.
      prompt: the rows that texts begin with.

    Raises:
      TypeError: the source has no integers.
      ValueError: the model takes another number of inputs, or the source has not as many rows.
    """
    _check_inputs(who, predict, source)
    if source is None:
        return prompt, None
    rows = prompts.padded(source, 'source', who)
    if (rows.lengths == 0).any() or (rows.ids < 0).any():
        raise ValueError(f'{who}: each row of source must have an id, and none below 0')
    n, n_rows = len(rows.ids), len(prompt.ids)
    if n != n_rows and 1 not in (n, n_rows):
        raise ValueError(
            f'{who}: source has {n} rows, and prompt or batch_size {n_rows}; give as many, or one '
            'for all'
        )
    if not hasattr(source, 'shape'):
        sizes = np.array([_size(predict, length) for length in rows.lengths.tolist()])
        room = sizes.max() - rows.ids.shape[1]
        rows = prompts.Prompt(np.pad(rows.ids, [[0, 0], [0, room]]), sizes)
    both = np.zeros(max(n, n_rows), int)  # the numbers of rows, where one is for all
    return prompt.take(both) if n_rows == 1 else prompt, rows.take(both) if n == 1 else rows


def _size(predict, length):
    """Returns the next power of two, or the length where the model has not as many places."""
    size = 1 << (length - 1).bit_length()

    def fits():
        try:
            predict.output_signature(tuple(ShapeDtype((1, t), np.int32) for t in (size, 1)))
        except LayerError:
            return False
        return True

    return size if size == length or predict.program(('source', size), fits) else length


def _check_inputs(who, model, source):
    if model.n_in > 2:
        raise ValueError(
            f'{who}: {model.name} takes {model.n_in} inputs; a language model takes one, the ids, '
            'or two, a source and the ids'
        )
    if model.n_in == 2 and source is None:
        raise ValueError(
            f'{who}: {model.name} takes 2 inputs; give what it reads as source, '
            f'{who}(model, source=...), and what its text begins with as prompt'
        )
    if model.n_in == 1 and source is not None:
        raise ValueError(
            f'{who}: {model.name} takes one input, so it has no source; give what a text begins '
            'with as prompt'
        )


def inputs(source: Any, ids: Any) -> Any:
    """Returns what a model is given: the ids of a text, and before them a source, if any."""
    return ids if source is None else (source, ids)


def unread(predict: Any, state: Any) -> Any:
    """Returns a new state whose caches, if the model has a source, are known to be empty."""
    return state if predict.n_in == 1 else emptied(state)


def axes_of(predict: Any) -> Any:
    """Returns the batch axes of a state whose source is read."""
    if predict.n_in == 1:
        return batch_axes(predict)
    return in_caches(lambda kept: Kept(kept.outputs, None), batch_axes(predict))


def moving_axes(axes: Any) -> Any:
    """Returns axes with what is kept of a source as shared: rows of one source need not move it."""
    share = lambda kept: Kept(jax.tree.map(lambda _: SHARED, kept.outputs), None)  # noqa: E731
    return in_caches(share, axes)


def reader(predict: Any, model: Any, draws: bool) -> Compiled:
    """Returns the compiled function that reads a source.

    It maps (weights, new state, key, source, first ids (batch, 1), row ids) to the state in which
    the source is read and nothing else; ids that the model does not have are an error of its layer.
    """

    def read(weights, state, key, source, first, row_ids):
        places = np.zeros(len(first), np.int32)
        after = run((source, first), weights, state, key, row_ids, places)[1]
        return filled(state, after)

    before = lambda: emptied(axes_of(predict))  # noqa: E731
    run = by_rows(model, before, draws, lambda: axes_of(predict))
    return Compiled(read)
