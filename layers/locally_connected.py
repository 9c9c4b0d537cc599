"""LocallyConnected1d: a convolution with weights of its own at each position."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..combinators import Layer, declare, mismatch
from ..kernels import rounded
from .checks import positive
from .initializers import GlorotUniformInitializer, Initializer, RandomNormalInitializer
from .windows import Windows


class LocallyConnectedWeights(NamedTuple):
    """Weights of LocallyConnected1d for l positions, windows of k and d features."""

    w: jax.Array  # (l, k, d, filters), by the position that is read
    b: jax.Array  # (positions of the output, filters)


class LocallyConnected1d(Layer):
    """Maps windows of positions to vectors, with other weights for each position.

        y_i = sum_j x_(i+j-h) w_(i+j-h, j) + b_i,  j from 0 to k - 1, h = (k - 1) / 2

    With 'SAME' what lies outside is 0, with 'WRAP' it is the other end. With 'VALID' there are
    outputs for whole windows only, and a window counts backwards, as in Trax:
    y_i = sum_j x_(i+k-1-j) w_(i+k-1-j, j) + b_i.

    Shapes: x (..., l, d) -> (..., l, filters), or (..., l - k + 1, filters) with 'VALID'.

    Args:
      filters: the size of the output's last axis.
      kernel_size: how many positions make a window, an odd number.
      kernel_initializer: makes w, position by position, so fans are those of one window.
      bias_initializer: makes b.
      use_bias: without it the layer holds the bare w.
      padding: 'VALID', 'SAME' or 'WRAP'.

    Weights: LocallyConnectedWeights(w, b), or w. They fix the number of positions.

    Raises:
      ValueError: kernel_size is even, padding is unknown, there are more or fewer positions, or
        fewer than make a window with 'VALID'.

    Source: Trax 1.4.1, trax.layers.core.LocallyConnected1d.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        kernel_initializer: Initializer = GlorotUniformInitializer(),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
        use_bias: bool = True,
        padding: str = 'VALID',
    ):
        super().__init__(name=f'LocallyConnected1d_{filters}_{kernel_size}')
        self._filters = positive(filters, 'LocallyConnected1d: filters')
        self._kernel_size = positive(kernel_size, 'LocallyConnected1d: kernel_size')
        if kernel_size % 2 == 0:
            raise ValueError(f'LocallyConnected1d: kernel_size must be odd, got {kernel_size}')
        if padding not in ('VALID', 'SAME', 'WRAP'):
            raise ValueError(
                f"LocallyConnected1d: padding must be 'VALID', 'SAME' or 'WRAP', got {padding!r}"
            )
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer
        self._use_bias, self._padding = use_bias, padding
        declare(self, is_causal=kernel_size == 1)

    def weights_fn(self, signature, context):
        n_positions, d = signature.shape[-2:]
        windows = Windows((self._kernel_size,), (1,), self._padding)
        windows.check_fit('the kernel', (n_positions,))
        keys = jax.random.split(context.key('w'), n_positions)
        shape = (self._kernel_size, d, self._filters)
        w = jnp.stack([self._kernel_initializer(shape, key) for key in keys])
        if not self._use_bias:
            return w
        n = n_positions - self._kernel_size + 1 if self._padding == 'VALID' else n_positions
        b = self._bias_initializer((n, self._filters), context.key('b'))
        return LocallyConnectedWeights(w, b)

    def apply_fn(self, x, weights, state, context):
        w, b = weights if self._use_bias else (weights, 0.0)
        if x.shape[-2] != w.shape[0]:
            raise mismatch('the number of positions', w.shape[0], x.shape[-2])
        factors = (rounded(a, context.precision) for a in (x, w))
        products = jnp.einsum('...lp,lkpd->k...ld', *factors)
        return sum(self._shifted(product, j) for j, product in enumerate(products)) + b, state

    def _shifted(self, product, j):
        """Moves what position i + j - h gives to position i."""
        h, n = self._kernel_size // 2, product.shape[-2]
        if self._padding == 'WRAP':
            return jnp.roll(product, h - j, axis=-2)
        if self._padding == 'VALID':
            return product[..., 2 * h - j : n - j, :]
        around = [(0, 0)] * (product.ndim - 2) + [(h, h), (0, 0)]
        return jnp.pad(product, around)[..., j : j + n, :]
