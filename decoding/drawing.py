"""Models that draw while they make a text, such as one with a dropout that is left on.

A row draws by its own number and by its place in its own text, so it draws the same in any batch.
"""

from typing import Any

import jax
import jax.numpy as jnp

from ..combinators import LayerError
from .rows import SHARED
from .sampling import layer_keys


def scores_and_draws(model: Any, ids: Any, weights: Any, state: Any) -> tuple[Any, bool]:
    """Returns the signature of a model's scores for ids, and whether it needs a key to give them.

    Raises:
      LayerError: it does not run with a key either.
    """
    try:
        return jax.eval_shape(model.pure_fn, ids, weights, state, None)[0], False
    except LayerError:
        key = jax.random.PRNGKey(0)
        return jax.eval_shape(model.pure_fn, ids, weights, state, key)[0], True


def by_rows(model: Any, axes: Any, draws: bool) -> Any:
    """Returns a model as a function (ids, weights, state, key, row_ids, places) -> scores, state.

    Args:
      model: what runs.
      axes: of the rows in its state, from `batch_axes`; a function, asked where the model draws.
      draws: whether it does; each row then runs by itself, with a key of its own.
    """
    if not draws:
        return lambda ids, weights, state, *_: model.pure_fn(ids, weights, state, None)

    def run(ids, weights, state, key, row_ids, places):
        def one(ids, state, key):
            scores, state = model.pure_fn(ids[None], weights, _with_row(state, rows), key)
            return scores[0], _without_row(state, rows)

        rows = axes()
        over = jax.tree.map(lambda axis: None if axis == SHARED else axis, rows)
        keys = layer_keys(key, row_ids, places)
        return jax.vmap(one, (0, over, 0), (0, over))(ids, state, keys)

    return run


def _with_row(state, axes):
    """Returns the state of one row as that of a batch of one."""
    return _of_rows(jnp.expand_dims, state, axes)


def _without_row(state, axes):
    return _of_rows(jnp.squeeze, state, axes)


def _of_rows(change, state, axes):
    return jax.tree.map(lambda s, axis: s if axis == SHARED else change(s, axis), state, axes)
