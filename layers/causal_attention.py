"""CausalAttention: each step sees the steps up to itself, and in predict those of earlier calls."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..combinators import Branch, Layer, Serial, declare
from .attention import attend
from .attention_cache import put, steps_with_room
from .causal_depthwise_conv import CausalDepthwiseConv
from .checks import positive, rate, same_batch
from .dense import Dense
from .heads import MergeHeads, SplitIntoHeads, check_heads


def CausalAttention(
    d_feature: int,
    n_heads: int = 1,
    dropout: float = 0.0,
    max_inference_length: int = 2048,
    use_dconv: bool = False,
    mode: str | None = None,
) -> Serial:
    """Returns self-attention that does not look ahead.

    Shapes: x (b, t, ...) -> (b, t, d_feature).

    Args:
      d_feature: the width of queries, keys, values and outputs.
      n_heads: how many heads share it.
      dropout: the probability of leaving out a strength in train.
      max_inference_length: how many steps there may be in predict and with carry.
      use_dconv: whether CausalDepthwiseConv() is behind Dense of queries, of keys and of values.
      mode: as for every layer.

    Weights: Dense of queries, of keys, of values, of the output.

    State: in predict and with carry, that of DotProductCausalAttention; with use_dconv also that of
    each CausalDepthwiseConv.

    Raises:
      ValueError: n_heads does not divide d_feature; more steps than max_inference_length.

    Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.2; Trax 1.4.1,
    trax.layers.attention.CausalAttention.
    """
    check_heads('CausalAttention', d_feature, n_heads)

    def projection():
        dense = Dense(d_feature)
        return Serial(dense, CausalDepthwiseConv(mode=mode)) if use_dconv else dense

    return ConfigurableAttention(
        projection(),
        projection(),
        projection(),
        Dense(d_feature),
        DotProductCausalAttention(dropout, max_inference_length, mode),
        n_heads,
    )


def ConfigurableAttention(
    q_layer: Layer | list[Layer],
    k_layer: Layer | list[Layer],
    v_layer: Layer | list[Layer],
    final_layer: Layer | list[Layer],
    qkv_attention_layer: Layer,
    n_heads: int = 1,
) -> Serial:
    """Returns self-attention by several heads, made of layers of your own.

    Shapes: x (b, t, ...) -> (b, t, ...).

    Args:
      q_layer: makes queries of x, (b, t, d), where n_heads divides d; a layer or a list of them.
      k_layer: makes keys of x.
      v_layer: makes values of x.
      final_layer: maps what the heads found, joined: (b, t, d).
      qkv_attention_layer: takes queries, keys and values (b, n_heads, t, d / n_heads) each, gives
        one such array: DotProductCausalAttention and its like.
      n_heads: how many heads there are.

    Raises:
      ValueError: n_heads does not divide d.

    Source: Trax 1.4.1, trax.layers.attention.ConfigurableAttention, where batch and heads are one
    axis.
    """

    def heads_of(layer):
        return [layer, SplitIntoHeads(n_heads, merged_batch_and_head=False)]

    return Serial(
        Branch(heads_of(q_layer), heads_of(k_layer), heads_of(v_layer)),  # q, k, v
        qkv_attention_layer,
        MergeHeads(n_heads, merged_batch_and_head=False),
        final_layer,
    )


class CausalAttentionState(NamedTuple):
    """Keys and values of the steps so far, in arrays that have room for all that may come."""

    k: jax.Array  # (b, ..., max_inference_length, d)
    v: jax.Array  # (b, ..., max_inference_length, d)
    n: jax.Array  # (b,) int32: how many steps each row has had


class DotProductCausalAttention(Layer):
    """Computes y_i = sum_(j <= i) softmax_j(q_i k_j / sqrt(d)) v_j of each head.

    In predict and with carry, steps of earlier calls are among the j. Each row counts its own
    steps. Where there is no room for a step, `model(x)` raises; code that the user compiles, and
    decoding, cannot: the outputs of that step are NaN there, and `generate` and training stop.

    Shapes: q, k, v (b * h, t, d) -> (b * h, t, d), or (b, h, t, d) -> (b, h, t, d).

    Args:
      dropout: the probability of leaving out a strength in train.
      max_inference_length: how many steps there may be in predict and with carry.
      mode: as for every layer.

    State: in predict and with carry, CausalAttentionState(k, v, n).

    Raises:
      ValueError: q, k or v do not fit each other; more steps than max_inference_length; a
        state of another batch.

    Source: Vaswani et al. 2017, arXiv 1706.03762, equation 1 and section 3.2.3; Trax 1.4.1,
    trax.layers.attention.DotProductCausalAttention.
    """

    has_memory = True

    def __init__(
        self, dropout: float = 0.0, max_inference_length: int = 2048, mode: str | None = None
    ):
        super().__init__(n_in=3, n_out=1, mode=mode)
        self._dropout = rate(dropout, 'DotProductCausalAttention: dropout')
        self._max_length = positive(
            max_inference_length, 'DotProductCausalAttention: max_inference_length'
        )
        declare(self, draws=('train',) if dropout else False)

    @property
    def room_for_steps(self):
        return 'max_inference_length', self._max_length

    def state_fn(self, signature, context):
        if not context.steps:
            return ()
        k, v = (
            jnp.zeros((*s.shape[:-2], self._max_length, s.shape[-1]), s.dtype)
            for s in signature[1:]
        )
        return CausalAttentionState(k, v, jnp.zeros(signature[0].shape[0], jnp.int32))

    def apply_fn(self, x, weights, state, context):
        q, k, v = x
        if not context.steps:
            return attend(q, k, v, self._dropout, context, is_causal=True), state
        same_batch(state.n, q)
        t = steps_with_room(q.shape[-2], state.n, self._max_length, 'max_inference_length')
        places = state.n[:, None] + jnp.arange(t, dtype=jnp.int32)  # (b, t)
        keys, values = put((state.k, state.v), (k, v), places)
        may_see = jnp.arange(self._max_length) <= places[..., None]
        y = attend(q, keys, values, self._dropout, context, _for_heads(may_see, q))
        has_room = (places < self._max_length)[..., None]
        y = jnp.where(_for_heads(has_room, q), y, jnp.nan)
        return y, CausalAttentionState(keys, values, state.n + t)


def _for_heads(mask, q):
    return mask[:, None] if q.ndim == 4 else mask
