"""Adam as Trax has it."""

import jax.numpy as jnp
import optax

from .leafwise import Rate, leafwise


def Adam(
    learning_rate: Rate = 1e-4,
    weight_decay_rate: float = 1e-5,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-5,
    clip_grad_norm: float | None = None,
) -> optax.GradientTransformation:
    """Returns Adam with Trax's defaults.

        m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
        weights = (1 - weight_decay_rate) weights
                  - learning_rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)

    t is 1 at the first step. Trax's training loop counts its steps from 1 and adds 1, so that t is
    2 there; `retrax.training.Loop` does the same.

    Args:
      learning_rate: a number or a schedule.
      weight_decay_rate: which part of the weights is subtracted at each step; not scaled by the
        learning rate, as AdamW's is.
      b1: how slowly the mean of gradients moves.
      b2: how slowly the mean of squared gradients moves.
      eps: keeps the quotient finite; the paper has 1e-8.
      clip_grad_norm: gradients of a larger norm are scaled down to it.

    Source: Kingma and Ba 2014, arXiv 1412.6980, algorithm 1.
    """

    def update(moment, gradient, weights, slots):
        m, v = slots
        m = b1 * m + (1 - b1) * gradient
        v = b2 * v + (1 - b2) * gradient**2
        t = moment.step + 1
        quotient = (m / (1 - b1**t)) / (jnp.sqrt(v / (1 - b2**t)) + eps)
        return -weight_decay_rate * weights - moment.learning_rate * quotient, (m, v)

    def new_slots(weights):
        return jnp.zeros_like(weights), jnp.zeros_like(weights)

    return leafwise(learning_rate, new_slots, update, clip_grad_norm)
