"""Dropout: values are left out at random in training."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from ..combinators import Layer, declare
from . import checks


class Dropout(Layer):
    """In train, sets values to 0 with probability `rate` and divides the others by 1 - rate.

    In eval and predict it is the identity.

    Args:
      rate: the probability of leaving a value out, from 0 up to but not 1.
      shared_axes: axes along which all values share their fate.
      mode: as for every layer.

    Raises:
      ValueError: the rate is outside of [0, 1).

    Source: Srivastava et al. 2014, Dropout, section 10 (inverted form); Trax 1.4.1,
    trax.layers.core.Dropout.
    """

    def __init__(
        self,
        rate: float = 0.0,
        shared_axes: Sequence[int] | None = None,
        mode: str | None = None,
    ):
        super().__init__(mode=mode)
        self._rate = checks.rate(rate, 'Dropout: rate')
        self._shared_axes = tuple(shared_axes or ())
        declare(self, draws=('train',) if rate else False)

    def apply_fn(self, x, weights, state, context):
        if context.mode != 'train' or self._rate == 0:
            return x, state
        shape = list(x.shape)
        for axis in self._shared_axes:
            shape[axis] = 1
        keep = 1 - self._rate
        mask = jax.random.bernoulli(context.key(), keep, tuple(shape))
        return jnp.where(mask, x / keep, jnp.zeros((), x.dtype)), state
