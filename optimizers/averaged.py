"""An average of the weights on their way, beside the weights that move."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class AveragedState(NamedTuple):
    """What `Averaged` remembers."""

    optimizer_state: Any
    averaged_weights: Any  # as the weights, those of 16 bits in float32


def Averaged(
    optimizer: optax.GradientTransformation, decay: float = 0.999
) -> optax.GradientTransformation:
    """Returns an optimizer that also keeps an exponential moving average of the weights.

        average = decay average + (1 - decay) weights,  after each step; the first weights at first

    Gradients are taken at the weights; the training loops of retrax give the average to the model,
    so it is what is evaluated, and what a model has that is read from a checkpoint.

    Source: Polyak and Juditsky 1992, SIAM J. Control Optim. 30(4); with a decay as in
    Szegedy et al. 2015, arXiv 1512.00567, section 8.

    Raises:
      ValueError: the decay is not between 0 and 1.
    """
    if not 0 <= decay < 1:
        raise ValueError(f'Averaged: decay must be from 0 to below 1, got {decay}')

    def init_fn(params: Any) -> Any:
        return AveragedState(optimizer.init(params), jax.tree.map(_wide, params))

    def update_fn(updates: Any, state: Any, params: Any = None) -> Any:
        updates, inner = optimizer.update(updates, state.optimizer_state, params)
        moved = optax.apply_updates(params, updates)
        average = jax.tree.map(
            lambda a, w: decay * a + (1 - decay) * w.astype(a.dtype), state.averaged_weights, moved
        )
        return updates, AveragedState(inner, average)

    return optax.GradientTransformation(init_fn, update_fn)


def averaged_weights(optimizer_state: Any, weights: Any) -> Any:
    """Returns the average where an optimizer keeps one, and the weights elsewhere."""
    average = optax.tree_utils.tree_get(optimizer_state, 'averaged_weights')
    if average is None:
        return weights
    # Of weights that are frozen there is no average: an empty node stands in their place.
    return jax.tree.map(
        lambda w, a: w if jax.tree.leaves(a) == [] else a.astype(w.dtype), weights, average
    )


def _wide(weights):
    """Returns a copy; of 16 bits in float32, for they cannot tell steps as small as 1 - decay."""
    return jnp.array(weights, jnp.promote_types(weights.dtype, jnp.float32))
