"""RMSProp."""

import jax.numpy as jnp
import optax

from .leafwise import Rate, leafwise


def RMSProp(
    learning_rate: Rate = 0.001,
    gamma: float = 0.9,
    eps: float = 1e-8,
    clip_grad_norm: float | None = None,
) -> optax.GradientTransformation:
    """Returns RMSProp.

        v = gamma v + (1 - gamma) g^2,  v = 1 at the start
        weights -= learning_rate g / (sqrt(v) + eps)

    Trax starts v at 1; optax and PyTorch at 0, where the first steps are far larger.

    Source: Tieleman and Hinton 2012, Neural Networks for Machine Learning, lecture 6.5.
    """

    def update(moment, gradient, weights, v):
        v = gamma * v + (1 - gamma) * gradient**2
        return -moment.learning_rate * gradient / (jnp.sqrt(v) + eps), v

    return leafwise(learning_rate, jnp.ones_like, update, clip_grad_norm)
