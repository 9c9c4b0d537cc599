"""SplitIntoHeads and MergeHeads: one vector as several, for attention by several heads."""

import jax

from ..combinators import Fn, PureLayer, mismatch
from .checks import positive


def SplitIntoHeads(n_heads: int, merged_batch_and_head: bool = True) -> PureLayer:
    """Returns a layer that cuts each vector into n_heads parts.

    Shapes: x (b, t, d) -> (b * n_heads, t, d / n_heads); the heads of a row are neighbours.
    Without merging, (b, n_heads, t, d / n_heads).

    Args:
      n_heads: how many parts.
      merged_batch_and_head: whether batch and heads become one axis.

    Raises:
      ValueError: n_heads is not a positive int, or does not divide d.

    Source: Trax 1.4.1, trax.layers.attention.SplitIntoHeads.
    """
    positive(n_heads, 'SplitIntoHeads: n_heads')

    def split(x):
        heads = split_heads(x, n_heads)
        b, _, t, d = heads.shape
        return heads.reshape(b * n_heads, t, d) if merged_batch_and_head else heads

    return Fn('SplitIntoHeads', split)


def MergeHeads(n_heads: int, merged_batch_and_head: bool = True) -> PureLayer:
    """Returns a layer that joins the parts of each vector: what undoes SplitIntoHeads.

    Shapes: x (b * n_heads, t, d) -> (b, t, n_heads * d). Without merging, x is (b, n_heads, t, d).

    Args:
      n_heads: how many parts.
      merged_batch_and_head: whether batch and heads are one axis.

    Raises:
      ValueError: n_heads is not a positive int, or not that of the input.

    Source: Trax 1.4.1, trax.layers.attention.MergeHeads.
    """
    positive(n_heads, 'MergeHeads: n_heads')

    def merge(x):
        if merged_batch_and_head:
            rows, t, d = x.shape
            if rows % n_heads:
                raise mismatch('the first axis', f'a multiple of {n_heads} heads', rows)
            x = x.reshape(rows // n_heads, n_heads, t, d)
        return merge_heads(x)

    return Fn('MergeHeads', merge)


def split_heads(x: jax.Array, n_heads: int) -> jax.Array:
    """Returns (b, n_heads, t, d / n_heads) of (b, t, d)."""
    b, t, d = x.shape
    return x.reshape(b, t, n_heads, head_width(d, n_heads)).swapaxes(1, 2)


def merge_heads(x: jax.Array) -> jax.Array:
    """Returns (b, t, h * d) of (b, h, t, d)."""
    b, h, t, d = x.shape
    return x.swapaxes(1, 2).reshape(b, t, h * d)


def check_heads(who: str, d_feature: int, n_heads: int) -> None:
    """Raises ValueError, in the name of a layer, unless so many heads can share a width."""
    positive(n_heads, f'{who}: n_heads')
    head_width(positive(d_feature, f'{who}: d_feature'), n_heads, f'{who}: d_feature')


def head_width(d_feature: int, n_heads: int, what: str = 'the width of the features') -> int:
    """Returns the width of a head.

    Raises:
      ValueError: the heads do not divide the width; the message starts with `what`.
    """
    if d_feature % n_heads:
        raise mismatch(
            what,
            f'a multiple of {n_heads} heads',
            d_feature,
            f'Take a number of heads that divides {d_feature}.',
        )
    return d_feature // n_heads
