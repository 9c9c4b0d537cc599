"""Losses of two categories, 0 and 1.

Targets may lie between. Others are an error where they are an input of the model and their weight
is not 0; code that the user compiles computes the formula with them.
"""

import jax
import jax.numpy as jnp

from ..combinators import Fn, PureLayer
from .weighting import (
    check_same_shape,
    check_target_range,
    check_weights,
    weighted_mean,
    weighted_sum,
)


def BinaryCrossEntropy() -> PureLayer:
    """Returns the mean of -(t log q + (1 - t) log(1 - q)), where q = sigmoid(x); without weights.

    It is computed as softplus(x) - t x, so it is finite for any finite x. Trax 1.4.1 takes the
    logarithm of 1 - q, which is infinite from x = 17 on.

    Shapes: x (...) floats, t (...) of 0 and 1 -> ().

    Raises:
      ValueError: the shapes differ, or a target is not from 0 to 1.

    Source: Trax 1.4.1, trax.layers.metrics.BinaryCrossEntropy.
    """

    def loss(x, targets):
        _check(x, targets)
        return jnp.mean(jax.nn.softplus(x) - targets * x)

    return Fn('BinaryCrossEntropy', loss)


def BinaryCrossEntropyLoss() -> PureLayer:
    """Returns the weighted mean of -(t log x + (1 - t) log(1 - x)), for x of probabilities.

    Probabilities are kept 1e-7 away from 0 and 1. BinaryCrossEntropy takes any x and is better
    where it can be used.

    Shapes: x (...), t (...) of 0 and 1, weights (...) -> ().

    Raises:
      ValueError: the shapes of x and t differ, or a target is not from 0 to 1.

    Source: Trax 1.4.1, trax.layers.metrics.BinaryCrossEntropyLoss, which weighs nothing and gives
    NaN for certain predictions.
    """
    return Fn(
        'BinaryCrossEntropyLoss',
        lambda x, targets, weights: weighted_mean(_cross_entropy(x, targets, weights), weights),
    )


def BinaryCrossEntropySum() -> PureLayer:
    """Returns the weighted sum of what BinaryCrossEntropyLoss takes the mean of."""
    return Fn(
        'BinaryCrossEntropySum',
        lambda x, targets, weights: weighted_sum(_cross_entropy(x, targets, weights), weights),
    )


def _cross_entropy(x, targets, weights):
    _check(x, targets, weights)
    x = x.astype(jnp.promote_types(x.dtype, jnp.float32))  # narrower, 1 - 1e-7 is 1
    x = jnp.clip(x, 1e-7, 1 - 1e-7)
    return -(targets * jnp.log(x) + (1 - targets) * jnp.log1p(-x))


def _check(x, targets, weights=None):
    check_same_shape('targets', x, targets)
    if weights is not None:
        check_weights(targets.shape, weights)
    check_target_range(targets, 1, weights)
