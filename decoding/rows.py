"""The rows of a model's state: which axis of each array is the batch, and how to take rows of it.

Decoding knows no layer's state. What changes its size with the batch size is its batch axis; an
array without one, such as a counter that all rows share, stays as it is.
"""

from typing import Any

import jax
import jax.numpy as jnp

from ..combinators import StateError

_SHARED = -1  # a leaf without a batch axis: None would be no leaf


def batch_axes(predict: Any) -> Any:
    """Returns the batch axis of each array in a model's state, found from states of two sizes.

    Raises:
      StateError: the rows of an array cannot be told apart; the message names its place.
    """
    return predict.program('batch axes', lambda: _found(predict))


def _found(predict):
    two, three = predict.new_state(2), predict.new_state(3)
    return jax.tree_util.tree_map_with_path(_axis, two, three)


def _axis(path, two, three):
    sizes = list(zip(jnp.shape(two), jnp.shape(three), strict=True))
    changed = [axis for axis, (a, b) in enumerate(sizes) if a != b]
    if not changed:
        return _SHARED
    if len(changed) > 1 or sizes[changed[0]] != (2, 3):
        raise StateError(
            f'state at {jax.tree_util.keystr(path)}: its shape is {jnp.shape(two)} for 2 rows and '
            f'{jnp.shape(three)} for 3, so the rows of a batch cannot be told apart in it. Keep '
            'the rows along one axis that has the size of the batch.'
        )
    return changed[0]


def take_rows(state: Any, rows: jax.Array, axes: Any) -> Any:
    """Returns the state whose row i is row rows[i] of another; shared arrays stay.

    Shapes: rows (n,) ints; axes as from `batch_axes`.
    """
    return jax.tree.map(
        lambda leaf, axis: leaf if axis == _SHARED else jnp.take(leaf, rows, axis=axis), state, axes
    )
