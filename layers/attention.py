"""Attention: each query takes a mean of values, weighed by how well their keys fit it."""

from typing import Any

import jax
import jax.numpy as jnp

from ..combinators import Cache, Context, Layer, Parallel, Select, Serial, declare, mismatch
from ..kernels import attention
from .checks import positive, rate
from .dense import Dense
from .heads import check_heads, merge_heads, split_heads


def Attention(
    d_feature: int, n_heads: int = 1, dropout: float = 0.0, mode: str | None = None
) -> Serial:
    """Returns self-attention: every place of a sequence sees every place that the mask leaves.

    Shapes: x (b, t, d_feature), mask (b, 1, 1, t) -> y (b, t, d_feature), mask.

    Args:
      d_feature: the width of queries, keys, values and outputs.
      n_heads: how many heads share it.
      dropout: the probability of leaving out a strength in train.
      mode: as for every layer; in predict it sees what the call is given, and no call before.

    Raises:
      ValueError: n_heads does not divide d_feature; a mask of another shape.

    Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.2; Trax 1.4.1,
    trax.layers.attention.Attention.
    """
    check_heads('Attention', d_feature, n_heads)
    return Serial(Select([0, 0, 0]), AttentionQKV(d_feature, n_heads, dropout, mode))


def AttentionQKV(
    d_feature: int,
    n_heads: int = 1,
    dropout: float = 0.0,
    mode: str | None = None,
    cache_KV_in_predict: bool = False,
) -> Serial:
    """Returns attention whose queries, keys and values come from where you say.

    Shapes: x_q (b, t, ...), x_k and x_v (b, s, ...), mask (b, 1, 1 or t, s) -> y (b, t, d_feature),
    mask.

    Args:
      d_feature: the width of queries, keys, values and outputs.
      n_heads: how many heads share it.
      dropout: the probability of leaving out a strength in train.
      mode: as for every layer; in predict a call sees what it is given, and no call before.
      cache_KV_in_predict: whether keys and values are computed at the first call only, where
        layers with memory continue: for those of an encoder.

    Weights: Dense of queries, of keys, of values, of the output.

    Raises:
      ValueError: n_heads does not divide d_feature; a mask of another shape.

    Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.2.2; Trax 1.4.1,
    trax.layers.attention.AttentionQKV.
    """
    check_heads('AttentionQKV', d_feature, n_heads)

    def of_encoder():
        dense = Dense(d_feature)
        return Cache(dense, mode=mode) if cache_KV_in_predict else dense

    return Serial(
        Parallel(Dense(d_feature), of_encoder(), of_encoder()),
        PureAttention(n_heads, dropout, mode),
        Dense(d_feature),
    )


class DotProductAttention(Layer):
    """Computes softmax(q k' / sqrt(d)) v of each head, over the places that the mask leaves.

    A query whose places are all masked gets the mean of all values.

    Shapes: q (b * h, t, d), k and v (b * h, s, d), mask (b * h or 1, 1 or t, s) -> (b * h, t, d);
    or q (b, h, t, d), k and v (b, h, s, d), mask (b or 1, h or 1, t or 1, s) -> (b, h, t, d). The
    mask is true, or not 0, where a place may be seen; None leaves all.

    Args:
      dropout: the probability of leaving out a strength in train.
      mode: as for every layer.

    Raises:
      ValueError: q, k, v or mask do not fit each other.

    Source: Vaswani et al. 2017, arXiv 1706.03762, equation 1; Trax 1.4.1,
    trax.layers.attention.DotProductAttention.
    """

    is_causal = False

    def __init__(self, dropout: float = 0.0, mode: str | None = None):
        super().__init__(n_in=4, n_out=1, mode=mode)
        self._dropout = rate(dropout, f'{type(self).__name__}: dropout')
        declare(self, draws=('train',) if dropout else False)

    def apply_fn(self, x, weights, state, context):
        q, k, v, mask = x
        return attend(q, k, v, self._dropout, context, mask), state


class PureAttention(Layer):
    """Computes attention by several heads of queries, keys and values as wide as all of them.

    Shapes: q (b, t, d), k and v (b, s, d), mask (b or 1, h or 1, t or 1, s) -> (b, t, d), mask.

    Args:
      n_heads: how many heads share d.
      dropout: the probability of leaving out a strength in train.
      mode: as for every layer.

    Raises:
      ValueError: n_heads does not divide d; q, k, v or mask do not fit each other.

    Source: Trax 1.4.1, trax.layers.attention.PureAttention.
    """

    is_causal = False

    def __init__(self, n_heads: int = 1, dropout: float = 0.0, mode: str | None = None):
        super().__init__(n_in=4, n_out=2, mode=mode)
        self._n_heads = positive(n_heads, 'PureAttention: n_heads')
        self._dropout = rate(dropout, 'PureAttention: dropout')
        declare(self, draws=('train',) if dropout else False)

    def apply_fn(self, x, weights, state, context):
        *qkv, mask = x
        q, k, v = (split_heads(a, self._n_heads) for a in qkv)
        return (merge_heads(attend(q, k, v, self._dropout, context, mask)), mask), state


def attend(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    dropout: float,
    context: Context,
    mask: Any = None,
    is_causal: bool = False,
) -> jax.Array:
    """Returns what queries take from values, after checking that all fit each other.

    Shapes: q (b, h, t, d), k and v (b, h, s, d), mask broadcasts to (b, h, t, s) -> (b, h, t, d);
    or all of them without h.

    Raises:
      ValueError: they do not fit each other.
    """
    _check(q, k, v, mask)
    if dropout == 0 or context.mode != 'train':
        dropped = {}
    else:
        dropped = {'rate': dropout, 'key': context.key()}
    if mask is not None:
        mask = mask if mask.dtype == bool else mask != 0
    if q.ndim == 4:
        return attention(q, k, v, mask, is_causal, context.precision, **dropped)
    mask = None if mask is None else mask[:, None]
    q, k, v = (a[:, None] for a in (q, k, v))
    return attention(q, k, v, mask, is_causal, context.precision, **dropped)[:, 0]


def _check(q, k, v, mask):
    if q.ndim not in (3, 4) or not jnp.issubdtype(q.dtype, jnp.floating):
        raise mismatch(
            'queries',
            'floats of shape (batch, time, features) or (batch, heads, time, features)',
            f'{q.dtype} of shape {q.shape}',
        )
    keys = (*q.shape[:-2], k.shape[-2], q.shape[-1])
    if k.shape != keys:
        raise mismatch('keys', f'shape {keys}, as the queries have {q.shape}', f'shape {k.shape}')
    if v.shape[:-1] != k.shape[:-1]:
        raise mismatch('values', f'one for each of the keys {k.shape}', f'shape {v.shape}')
    seen = (*q.shape[:-1], k.shape[-2])
    if mask is not None and not _fits(mask.shape, seen):
        raise mismatch(
            'the mask',
            f'shape {seen}, with 1 where all share it',
            f'shape {mask.shape}',
            'PaddingMask() makes one of ids.',
        )


def _fits(shape, whole):
    return len(shape) == len(whole) and all(
        size in (1, full) for size, full in zip(shape, whole, strict=True)
    )
