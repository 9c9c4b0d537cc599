"""Masks of attention: which places of a sequence may be seen."""

import jax.numpy as jnp

from ..combinators import Fn, PureLayer, mismatch


def PaddingMask(pad: int = 0) -> PureLayer:
    """Returns a layer that is true where an id is not padding, in the shape that attention takes.

    >>> PaddingMask()(jnp.array([[5, 3, 0], [7, 0, 0]])).tolist()
    [[[[True, True, False]]], [[[True, False, False]]]]

    Shapes: ids (b, s) -> (b, 1, 1, s) of bools: one for all heads and all queries.

    Args:
      pad: the id of padding.

    Raises:
      ValueError: the ids are not (batch, time).

    Source: Trax 1.4.1, trax.layers.attention.PaddingMask.
    """

    def mask(ids):
        if ids.ndim != 2:
            raise mismatch('ids', '(batch, time)', f'shape {ids.shape}')
        return (ids != pad)[:, None, None, :]

    return Fn(f'PaddingMask({pad})', mask)


def EncoderDecoderMask() -> PureLayer:
    """Returns a layer that repeats the mask of an encoder for each step of a decoder.

    Shapes: decoder vectors (b, t, d), mask (b, 1, 1, s) -> (b, 1, t, s) of the mask's dtype.

    Raises:
      ValueError: the inputs are no vectors, or no mask of as many rows.

    Source: Trax 1.4.1, trax.layers.attention.EncoderDecoderMask, which gives floats.
    """

    def repeated(x, mask):
        if x.ndim != 3:
            raise mismatch('vectors of the decoder', '(batch, time, features)', f'shape {x.shape}')
        b, t = x.shape[:2]
        if mask.ndim != 4 or mask.shape[:3] != (b, 1, 1):
            raise mismatch(
                'the mask',
                f'({b}, 1, 1, time of the encoder)',
                f'shape {mask.shape}',
                'PaddingMask() makes one of ids.',
            )
        return jnp.broadcast_to(mask, (b, 1, t, mask.shape[3]))

    return Fn('EncoderDecoderMask', repeated)
