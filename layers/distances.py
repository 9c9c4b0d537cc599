"""Losses of numbers: how far outputs are from targets."""

import jax.numpy as jnp

from ..combinators import Fn, PureLayer
from .weighting import check_same_shape, weighted_mean


def L2Loss() -> PureLayer:
    """Returns the weighted mean of (x - t)^2.

    Shapes: x (...), t (...), weights (...), all the same -> ().

    Raises:
      ValueError: the shapes differ.

    Source: Trax 1.4.1, trax.layers.metrics.L2Loss.
    """
    return Fn(
        'L2Loss',
        lambda x, targets, weights: _mean(jnp.square, x, targets, weights),
    )


def SmoothL1Loss() -> PureLayer:
    """Returns the weighted mean of d^2 / 2 where d = |x - t| < 1, else d - 1/2.

    Shapes: x (...), t (...), weights (...), all the same -> ().

    Raises:
      ValueError: the shapes differ.

    Source: Huber 1964, equation 2.8 with k = 1; Trax 1.4.1, trax.layers.metrics.SmoothL1Loss.
    """

    def huber(difference):
        d = jnp.abs(difference)
        return jnp.where(d < 1, 0.5 * jnp.square(d), d - 0.5)

    return Fn(
        'SmoothL1Loss',
        lambda x, targets, weights: _mean(huber, x, targets, weights),
    )


def _mean(distance, x, targets, weights):
    check_same_shape('targets', x, targets)
    check_same_shape('weights', x, weights, 'Give each number its own weight.')
    return weighted_mean(distance(x - targets), weights)
