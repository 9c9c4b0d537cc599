"""What losses and metrics share: weighted means, and checks of shapes."""

from typing import Any

import jax
import jax.numpy as jnp

from ..combinators import mismatch


def weighted_mean(values: jax.Array, weights: jax.Array) -> jax.Array:
    """Returns sum(values * weights) / sum(weights), and 0 where the weights sum to 0."""
    summed = weighted_sum(values, weights)
    total = jnp.sum(jnp.broadcast_to(weights, values.shape))
    return summed / jnp.where(total == 0, 1, total)


def weighted_sum(values: jax.Array, weights: jax.Array) -> jax.Array:
    """Returns sum(values * weights).

    Raises:
      ValueError: the weights are not one for each value, nor fit them by broadcasting.
    """
    ends = zip(weights.shape[::-1], values.shape[::-1], strict=False)
    if len(weights.shape) > len(values.shape) or not all(w in (1, n) for w, n in ends):
        raise mismatch('the shape of weights', tuple(values.shape), tuple(weights.shape))
    return jnp.sum(values * weights)


def check_same_shape(what: str, expected: Any, got: Any, fix: str = '') -> None:
    """Raises ValueError unless two arrays have one shape: broadcasting would hide a mistake."""
    if expected.shape != got.shape:
        raise mismatch(f'the shape of {what}', tuple(expected.shape), tuple(got.shape), fix)


def check_targets(x: Any, targets: Any) -> None:
    """Raises ValueError unless targets have the shape of outputs without their last axis."""
    if x.shape[:-1] != targets.shape:
        raise mismatch(
            'the shape of targets',
            tuple(x.shape[:-1]),
            tuple(targets.shape),
            'Outputs have one axis more than targets, the categories.',
        )
