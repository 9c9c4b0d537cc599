"""Momentum, by default in Nesterov's form."""

import jax.numpy as jnp
import optax

from .leafwise import Rate, leafwise


def Momentum(
    learning_rate: Rate = 0.01,
    mass: float = 0.9,
    weight_decay_rate: float = 1e-5,
    nesterov: bool = True,
) -> optax.GradientTransformation:
    """Returns gradient descent with momentum.

        v = mass v + g
        weights = (1 - weight_decay_rate) weights - learning_rate (mass v + g)

    The decay is not scaled by the learning rate, as in Trax.

    Args:
      learning_rate: a number or a schedule.
      mass: how much of the velocity stays.
      weight_decay_rate: which part of the weights is subtracted at each step.
      nesterov: False subtracts learning_rate v.

    Source: Bengio et al. 2012, arXiv 1212.0901, equations 6 and 7 (Nesterov's correction).
    """

    def update(moment, gradient, weights, velocity):
        velocity = mass * velocity + gradient
        direction = mass * velocity + gradient if nesterov else velocity
        return -weight_decay_rate * weights - moment.learning_rate * direction, velocity

    return leafwise(learning_rate, jnp.zeros_like, update)
