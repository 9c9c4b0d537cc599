"""Models that draw while they make a text, such as one with a dropout that is left on.

A row draws by its own number and by its place in its own text, so it draws the same in any batch.
"""

from typing import Any

import jax
import jax.numpy as jnp

from ..combinators import LayerError
from .rows import SHARED
from .sampling import layer_keys


def scores_and_draws(model: Any, given: Any, weights: Any, state: Any) -> tuple[Any, bool]:
    """Returns the signature of a model's scores for inputs, and whether it needs a key.

    Raises:
      LayerError: it does not run with a key either.
    """
    try:
        return jax.eval_shape(_of_scores(model), given, weights, state, None)[0], False
    except LayerError:
        key = jax.random.PRNGKey(0)
        return jax.eval_shape(_of_scores(model), given, weights, state, key)[0], True


def by_rows(model: Any, axes: Any, draws: bool, axes_after: Any = None) -> Any:
    """Returns a model as (inputs, weights, state, key, row_ids, places) -> scores, state.

    Args:
      model: what runs; of several outputs the first one is the scores.
      axes: of the rows in its state, from `batch_axes`; a function, asked where the model draws.
      draws: whether it does; each row then runs by itself, with a key of its own.
      axes_after: those of the state that it gives; None: the same.
    """
    run_model = _of_scores(model)
    if not draws:
        return lambda given, weights, state, *_: run_model(given, weights, state, None)

    def run(given, weights, state, key, row_ids, places):
        def one(given, state, key):
            given = jax.tree.map(lambda x: x[None], given)
            scores, state = run_model(given, weights, _with_row(state, before), key)
            return scores[0], _without_row(state, after)

        before, after = axes(), (axes_after or axes)()
        keys = layer_keys(key, row_ids, places)
        return jax.vmap(one, (0, _mapped(before), 0), (0, _mapped(after)))(given, state, keys)

    return run


def _of_scores(model):
    """Returns a model as a pure function that gives scores as its only output."""

    def run(given, weights, state, key):
        y, state = model.pure_fn(given, weights, state, key)
        return (y[0] if model.n_in > 1 and isinstance(y, tuple) else y), state

    return run


def _mapped(axes):
    return jax.tree.map(lambda axis: None if axis == SHARED else axis, axes)


def _with_row(state, axes):
    """Returns the state of one row as that of a batch of one."""
    return _of_rows(jnp.expand_dims, state, axes)


def _without_row(state, axes):
    return _of_rows(jnp.squeeze, state, axes)


def _of_rows(change, state, axes):
    return jax.tree.map(lambda s, axis: s if axis == SHARED else change(s, axis), state, axes)
