"""Dense: an affine map of the last axis."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..combinators import Layer
from ..kernels import affine, dot
from .checks import positive, same_width, width
from .initializers import GlorotUniformInitializer, Initializer, RandomNormalInitializer


class DenseWeights(NamedTuple):
    """Weights of Dense from d features to n units."""

    w: jax.Array  # (d, n)
    b: jax.Array  # (n,)


class Dense(Layer):
    """Maps the last axis: y = x w + b.

    Shapes: x (..., d) -> (..., n_units).

    Args:
      n_units: the size of the output's last axis.
      kernel_initializer: makes w.
      bias_initializer: makes b.
      use_bias: without it y = x w, and the layer holds the bare matrix.
      use_bfloat16: makes the weights in bfloat16.

    Weights: DenseWeights(w, b), or w.

    Raises:
      ValueError: n_units is not a positive int; x is a scalar or of another width than w.

    Source: Trax 1.4.1, trax.layers.core.Dense.
    """

    def __init__(
        self,
        n_units: int,
        kernel_initializer: Initializer = GlorotUniformInitializer(),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
        use_bias: bool = True,
        use_bfloat16: bool = False,
    ):
        super().__init__(name=f'Dense_{n_units}')
        self._n_units = positive(n_units, 'Dense: n_units')
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer
        self._use_bias, self._use_bfloat16 = use_bias, use_bfloat16

    def weights_fn(self, signature, context):
        dtype = jnp.bfloat16 if self._use_bfloat16 else jnp.float32
        shape = (width(signature), self._n_units)
        w = self._kernel_initializer(shape, context.key('w')).astype(dtype)
        if not self._use_bias:
            return w
        b = self._bias_initializer((self._n_units,), context.key('b')).astype(dtype)
        return DenseWeights(w, b)

    def apply_fn(self, x, weights, state, context):
        w, b = weights if self._use_bias else (weights, None)
        same_width(x, w.shape[0])
        if b is None:
            return dot(x, w, context.precision), state
        return affine(x, w, b, context.precision), state
