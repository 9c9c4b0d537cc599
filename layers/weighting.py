"""What losses and metrics share: weighted means, and checks of shapes."""

from typing import Any

import jax
import jax.numpy as jnp

from ..combinators import in_range, mismatch


def weighted_mean(values: jax.Array, weights: jax.Array) -> jax.Array:
    """Returns sum(values * weights) / sum(weights), and 0 where the weights sum to 0."""
    summed = weighted_sum(values, weights)
    total = jnp.sum(jnp.broadcast_to(weights, values.shape))
    return summed / jnp.where(total == 0, 1, total)


def weighted_sum(values: jax.Array, weights: jax.Array) -> jax.Array:
    """Returns sum(values * weights); what is infinite or NaN where the weight is 0 is left out.

    Raises:
      ValueError: the weights are not one for each value, nor fit them by broadcasting.
    """
    check_weights(values.shape, weights)
    counted = jnp.where((weights == 0) & ~jnp.isfinite(values), 0, values)
    return jnp.sum(counted * weights)


def check_weights(shape: Any, weights: Any) -> None:
    """Raises ValueError unless weights are one for each place, or fit them by broadcasting."""
    if not fits(weights, shape):
        raise mismatch('the shape of weights', tuple(shape), tuple(weights.shape))


def fits(weights: Any, shape: Any) -> bool:
    """Whether weights are one for each place, or become it by broadcasting."""
    ends = zip(weights.shape[::-1], shape[::-1], strict=False)
    return len(weights.shape) <= len(shape) and all(w in (1, n) for w, n in ends)


def check_same_shape(what: str, expected: Any, got: Any, fix: str = '') -> None:
    """Raises ValueError unless two arrays have one shape: broadcasting would hide a mistake."""
    if expected.shape != got.shape:
        raise mismatch(f'the shape of {what}', tuple(expected.shape), tuple(got.shape), fix)


def check_targets(x: Any, targets: Any, weights: Any = None) -> None:
    """Raises ValueError unless targets are categories of the last axis of outputs.

    Targets must have the shape of the outputs without that axis. Where their weight is 0 they may
    be anything. Numbers that are traced are not looked at.
    """
    if x.shape[:-1] != targets.shape:
        raise mismatch(
            'the shape of targets',
            tuple(x.shape[:-1]),
            tuple(targets.shape),
            'Outputs have one axis more than targets, the categories.',
        )
    if weights is not None:
        check_weights(targets.shape, weights)
    check_target_range(targets, x.shape[-1] - 1, weights, whole=True)


def check_target_range(
    targets: Any, most: int, weights: Any = None, *, whole: bool = False
) -> None:
    """Raises ValueError unless targets are from 0 to `most`, except where their weight is 0."""
    fix = 'Give what is to be left out the weight 0.'
    if weights is None:
        fix = 'What takes weights can leave targets out, by the weight 0.'
    in_range(targets, 0, most, 'targets', fix, weights, whole)
