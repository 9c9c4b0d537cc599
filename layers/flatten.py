"""Flatten: trailing axes become one."""

import math

from ..combinators import Fn, PureLayer, mismatch


def Flatten(n_axes_to_keep: int = 1) -> PureLayer:
    """Returns a layer that joins all axes after the first n_axes_to_keep.

    Shapes: with 2, x (a, b, c, d) -> (a, b, c d).

    Raises:
      ValueError: there is no axis to join.
    """

    def flatten(x):
        if len(x.shape) <= n_axes_to_keep:
            raise mismatch(
                'the rank of the input', f'more than {n_axes_to_keep}, the axes to keep', x.ndim
            )
        kept, rest = x.shape[:n_axes_to_keep], x.shape[n_axes_to_keep:]
        return x.reshape((*kept, math.prod(rest)))

    return Fn(
        f'Flatten_keep{n_axes_to_keep}',
        flatten,
        is_causal=n_axes_to_keep > 1,
        couples_rows=n_axes_to_keep < 1,
    )
