"""Stochastic gradient descent."""

import optax

from .leafwise import Moment, Rate, leafwise


def SGD(
    learning_rate: Rate = 0.01, clip_grad_norm: float | None = None
) -> optax.GradientTransformation:
    """Returns stochastic gradient descent: weights -= learning_rate g."""
    return leafwise(learning_rate, lambda weights: None, _update, clip_grad_norm)


def _update(moment: Moment, gradient, weights, slots):
    return -moment.learning_rate * gradient, slots
