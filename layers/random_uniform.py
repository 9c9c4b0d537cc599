"""RandomUniform: new random numbers at every call."""

from typing import Any

import jax
import jax.numpy as jnp

from ..combinators import Layer


class RandomUniform(Layer):
    """Puts uniform random numbers on the stack, in every mode.

    Shapes: () -> shape.

    Args:
      min_val: the lowest value.
      max_val: the bound above, which is never reached.
      shape: the shape of the array.
      dtype: its dtype.

    Source: Trax 1.4.1, trax.layers.core.RandomUniform. Its `sync` between devices is not here.
    """

    draws = True

    def __init__(
        self,
        min_val: float = 0.0,
        max_val: float = 1.0,
        shape: tuple[int, ...] = (),
        dtype: Any = jnp.float32,
    ):
        super().__init__(n_in=0)
        self._min_val, self._max_val = min_val, max_val
        self._shape, self._dtype = shape, dtype

    def apply_fn(self, x, weights, state, context):
        drawn = jax.random.uniform(
            context.key(), self._shape, self._dtype, self._min_val, self._max_val
        )
        return drawn, state
