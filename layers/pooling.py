"""Pooling: each window of an image, or of a sequence, becomes one number per channel.

Windows move over all axes but the first, the batch, and the last, the channels.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..combinators import Fn, PureLayer, mismatch
from .windows import windows


def MaxPool(
    pool_size: tuple[int, ...] = (2, 2),
    strides: tuple[int, ...] | None = None,
    padding: str = 'VALID',
) -> PureLayer:
    """Returns a layer of the largest number of each window.

    With 'SAME' there are ceil(size / stride) windows along each axis, the outer ones smaller; with
    'VALID' there are whole windows only.

    Shapes: x (b, ..., c) -> (b, ..., c), with as many axes between as pool_size has.

    Args:
      pool_size: the size of the window along each axis.
      strides: how far it moves along each axis; 1 by default.
      padding: 'VALID' or 'SAME'.

    Raises:
      ValueError: a size is not a positive int, padding is unknown, x has other axes, or there is
        no whole window in it with 'VALID'.

    Source: Trax 1.4.1, trax.layers.pooling.MaxPool.
    """

    def largest(x, reduced):
        return reduced(x, _least(x.dtype), jax.lax.max)

    return _pool('MaxPool', largest, pool_size, strides, padding)


def SumPool(
    pool_size: tuple[int, ...] = (2, 2),
    strides: tuple[int, ...] | None = None,
    padding: str = 'VALID',
) -> PureLayer:
    """Returns a layer of the sum of each window.

    Shapes, arguments and errors are MaxPool's; what lies outside counts as 0.

    Source: Trax 1.4.1, trax.layers.pooling.SumPool.
    """

    def total(x, reduced):
        return _summed(x, reduced).astype(x.dtype)

    return _pool('SumPool', total, pool_size, strides, padding)


def AvgPool(
    pool_size: tuple[int, ...] = (2, 2),
    strides: tuple[int, ...] | None = None,
    padding: str = 'VALID',
) -> PureLayer:
    """Returns a layer of the mean of each window; what lies outside is not counted.

    Shapes, arguments and errors are MaxPool's. Means of integers are floats.

    Source: Trax 1.4.1, trax.layers.pooling.AvgPool.
    """

    def mean(x, reduced):
        dtype = jnp.result_type(x, float)
        ones = jnp.ones(x.shape, dtype)
        return (_summed(x.astype(dtype), reduced) / _summed(ones, reduced)).astype(dtype)

    return _pool('AvgPool', mean, pool_size, strides, padding)


def _summed(x, reduced):
    # Sums of floats are never narrower than float32: in bfloat16 a count would end at 256.
    floats = jnp.issubdtype(x.dtype, jnp.floating)
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32)) if floats else x
    return reduced(wide, np.zeros((), wide.dtype), jax.lax.add)


def _pool(name, pool, pool_size, strides, padding):
    found = windows(name, 'pool_size', pool_size, strides, padding)

    def reduced(x: Any, start: Any, of_two: Any) -> Any:
        sizes, steps = (1, *found.sizes, 1), (1, *found.strides, 1)
        return jax.lax.reduce_window(x, start, of_two, sizes, steps, found.padding)

    def pooled(x):
        n = len(found.sizes)
        if x.ndim != n + 2:
            raise mismatch(
                'the axes of the input', f'{n} between batch and channels', f'shape {x.shape}'
            )
        found.check_fit('the window', x.shape[1:-1])
        return pool(x, reduced)

    keeps_axis_1 = found.sizes[:1] == found.strides[:1] == (1,)
    return Fn(f'{name}{found.sizes}'.replace(' ', ''), pooled, is_causal=keeps_axis_1)


def _least(dtype):
    """Returns the number that is smaller than all others of a dtype."""
    if jnp.issubdtype(dtype, jnp.inexact):
        return np.array(-np.inf, dtype)
    return np.array(jnp.iinfo(dtype).min, dtype)
