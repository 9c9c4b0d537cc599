"""Weights: learned numbers that depend on no input."""

import jax.numpy as jnp

from ..combinators import Layer
from .initializers import Initializer


class Weights(Layer):
    """Puts a learned array on the stack.

    Shapes: () -> shape.

    Args:
      initializer: makes the array from its shape and a key.
      shape: the shape of the array.
      use_bfloat16: makes it in bfloat16.

    Weights: the array.

    Source: Trax 1.4.1, trax.layers.core.Weights.
    """

    def __init__(
        self,
        initializer: Initializer,
        shape: tuple[int, ...] = (),
        use_bfloat16: bool = False,
    ):
        super().__init__(n_in=0, name=f'Weights_{shape}')
        self._initializer, self._shape = initializer, shape
        self._use_bfloat16 = use_bfloat16

    def weights_fn(self, signature, context):
        made = self._initializer(self._shape, context.key())
        return made.astype(jnp.bfloat16) if self._use_bfloat16 else made

    def apply_fn(self, x, weights, state, context):
        return weights, state
