"""The rows of a model's state: which axis of each array is the batch, and how to take rows of it.

Decoding knows no layer's state. What changes its size with the batch size is its batch axis; an
array without one, such as a counter that all rows share, stays as it is.
"""

from typing import Any

import jax
import jax.numpy as jnp

from ..combinators import StateError
from ..combinators.state import Held

SHARED = -1  # the axis of an array without one for the batch: None would be no leaf


def batch_axes(predict: Any) -> Any:
    """Returns the batch axis of each array in a model's state, found from states of two sizes.

    Raises:
      StateError: the rows of an array cannot be told apart; the message names its place.
    """
    return predict.program('batch axes', lambda: _found(predict))


def _found(predict):
    two, three = predict.new_state(2), predict.new_state(3)
    return jax.tree.map(_axis, _places(two), two, three)


def _axis(place, two, three):
    sizes = list(zip(jnp.shape(two), jnp.shape(three), strict=True))
    changed = [axis for axis, (a, b) in enumerate(sizes) if a != b]
    if not changed:
        return SHARED
    if len(changed) > 1 or sizes[changed[0]] != (2, 3):
        raise StateError(
            f'state of {place}: its shape is {jnp.shape(two)} for 2 rows and '
            f'{jnp.shape(three)} for 3, so the rows of a batch cannot be told apart in it. Keep '
            'the rows along one axis that has the size of the batch.'
        )
    return changed[0]


def _places(state):
    """Returns the path of the layer in the place of each array of a state."""
    nodes = jax.tree.leaves(state, is_leaf=_is_held)
    found = [
        node.path if _is_held(node) and node.path else 'the model'
        for node in nodes
        for _ in jax.tree.leaves(node)
    ]
    return jax.tree.unflatten(jax.tree.structure(state), found)


def _is_held(node):
    return isinstance(node, Held)


def take_rows(state: Any, rows: Any, axes: Any) -> Any:
    """Returns the state whose row i is row rows[i] of another; shared arrays stay.

    Shapes: rows (n,) ints; axes as from `batch_axes`.
    """
    return jax.tree.map(
        lambda leaf, axis: leaf if axis == SHARED else jnp.take(leaf, rows, axis=axis), state, axes
    )


def where_rows(rows: jax.Array, after: Any, before: Any, axes: Any) -> Any:
    """Returns the state with the rows of `after` where `rows` is true, else with those of `before`.

    Shapes: rows (batch,) bool; axes as from `batch_axes`.

    Raises:
      StateError: an array that all rows share has changed; the message names its place.
    """

    def choose(place, new, old, axis):
        if axis != SHARED:
            others = [i for i in range(new.ndim) if i != axis]
            return jnp.where(jnp.expand_dims(rows, others), new, old)
        if new is old:
            return old
        raise StateError(
            f'state of {place}: an array of shape {jnp.shape(new)} is one for all rows and moves '
            'on with each id that is read, so rows of different lengths cannot share it. Give '
            'prompts of one length, or deterministic=True, which gives each row a state of its own.'
        )

    return jax.tree.map(choose, _places(after), after, before, axes)
