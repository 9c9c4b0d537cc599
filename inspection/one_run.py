"""A model run once from its initial state, to look at what goes on in it."""

import copy
from typing import Any

import jax
import jax.numpy as jnp

from ..combinators import Observer, observing, signature


def ready(model: Any, x: Any) -> tuple[Any, Any]:
    """Returns the model, or a copy that has weights if it has none and takes x; and x as arrays."""
    x = jax.tree.map(jnp.asarray, x)
    if model.input_signature is None or not model.has_weights:
        model = copy.deepcopy(model)
        model.init(signature(x), rng=0)
    return model, x


def run_observed(model: Any, x: Any, observer: Observer) -> Any:
    """Returns the outputs of a model that is ready; the observer hears of all that runs."""
    state = model.new_state(batch_size_of(x))
    with observing(observer):
        return model.pure_fn(x, model.weights, state, model.rng)[0]


def batch_size_of(x: Any) -> int:
    """Returns how many rows inputs have; 1 where they have no axis."""
    first = jax.tree.leaves(x)[0]
    return first.shape[0] if first.shape else 1
