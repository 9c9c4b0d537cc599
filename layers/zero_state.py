"""MakeZeroState: the state from which a recurrence begins."""

import jax.numpy as jnp

from ..combinators import Fn, PureLayer, mismatch
from .checks import positive


def MakeZeroState(depth_multiplier: int = 1) -> PureLayer:
    """Returns a layer that gives zeros of the shape of its input without the time axis.

    Shapes: x (b, t, d) -> (b, depth_multiplier d), of float32 or wider.

    Args:
      depth_multiplier: 1 for the state of a GRUCell, 2 for that of an LSTMCell.

    Raises:
      ValueError: depth_multiplier is not a positive int; x is not of three axes.

    Source: Trax 1.4.1, trax.layers.rnn.MakeZeroState.
    """
    positive(depth_multiplier, 'MakeZeroState: depth_multiplier')

    def zeros(x):
        if len(x.shape) != 3:
            raise mismatch('the input', 'the shape (batch, time, features)', x.shape)
        dtype = jnp.promote_types(x.dtype, jnp.float32)
        return jnp.zeros((x.shape[0], depth_multiplier * x.shape[2]), dtype)

    return Fn('MakeZeroState', zeros)
