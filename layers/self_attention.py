"""SelfAttention: attention whose heads are as wide as you say, in one layer."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..combinators import Layer, declare, mismatch
from ..kernels import affine, dot
from .attention import attend
from .attention_cache import put, steps_with_room
from .attention_ring import first_kept, put_last
from .checks import positive, rate, same_batch, same_width
from .heads import merge_heads, split_heads
from .initializers import RandomUniformInitializer
from .recurrent import check_sequence


class SelfAttentionWeights(NamedTuple):
    """Weights of SelfAttention for h heads and inputs of d features."""

    w_q: jax.Array  # (h, d, d_qk)
    w_k: jax.Array | None  # (h, d, d_qk); None with share_qk
    w_v: jax.Array  # (h, d, d_v)
    w_o: jax.Array  # (h, d_v, d)
    b_q: jax.Array | None = None  # (h, d_qk); None without bias, as those below
    b_k: jax.Array | None = None  # (h, d_qk); None with share_qk
    b_v: jax.Array | None = None  # (h, d_v)


class SelfAttentionState(NamedTuple):
    """Keys and values of the steps so far, or of the last ones, where older ones are dropped."""

    k: jax.Array  # (b, h, predict_mem_len, d_qk)
    v: jax.Array  # (b, h, predict_mem_len, d_v)
    n: jax.Array  # (b,) int32: how many steps each row has had
    mask: jax.Array | None  # (b, predict_mem_len, 1) bool; None where the layer takes no mask


class SelfAttention(Layer):
    """Computes y_i = sum_h (sum_j softmax_j(q_hi k_hj / sqrt(d_qk)) v_hj) w_ho.

    Each head has q = x w_q + b_q, k = x w_k + b_k, v = x w_v + b_v. With `share_qk`,
    k = q / sqrt(mean(q^2) + 1e-6), and j is not i. A query that may see no place sees its own.

    Shapes: x (b, t, d), and with `masked` a mask (b, t), true where a place may be seen
    -> (b, t, d).

    Args:
      n_heads: how many heads there are.
      d_qk: the width of a query and of a key.
      d_v: the width of a value.
      share_qk: whether keys are the queries, normalised.
      causal: whether query i sees places up to i only.
      masked: whether there is a mask.
      chunk_len: how many places make a chunk; None for no chunks.
      n_chunks_before: how many chunks before its own a query sees.
      n_chunks_after: how many chunks behind its own a query sees.
      bias: whether queries, keys and values have one.
      mode: as for every layer; without `causal`, a call in predict sees what it is given.
      predict_mem_len: for how many steps there is room in predict and with carry, if it is causal.
        By default for those that chunks let a query see; without chunks for 2048.
      predict_drop_len: how many of the oldest steps are forgotten where there is no room for one
        more; by default a chunk, and without chunks none.
      attention_dropout: the probability of leaving out a strength in train.
      output_dropout: the probability of leaving out a feature of y, in all rows and steps, in
        train.
      n_parallel_heads: without effect, as the two below: they are about how Trax computes.
      use_python_loop: without effect.
      use_reference_code: without effect.

    Weights: SelfAttentionWeights.

    State: in predict and with carry, if it is causal, SelfAttentionState(k, v, n, mask). With the
    room that chunks need, or more, calls give what one call would; a smaller one forgets.

    Raises:
      ValueError: chunks before or behind without chunk_len; predict_drop_len above predict_mem_len;
        a mask of another shape; more steps than predict_mem_len, if none are dropped. In code that
        the user compiles, outputs of those steps are NaN.

    Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.2.2; Kitaev et al. 2020, Reformer,
    arXiv 2001.04451, section 2, for shared queries and keys; Trax 1.4.1,
    trax.layers.research.efficient_attention.SelfAttention.
    """

    def __init__(
        self,
        n_heads: int = 2,
        d_qk: int = 64,
        d_v: int = 64,
        share_qk: bool = False,
        causal: bool = False,
        masked: bool = False,
        chunk_len: int | None = None,
        n_chunks_before: int = 0,
        n_chunks_after: int = 0,
        bias: bool = False,
        mode: str | None = None,
        predict_mem_len: int | None = None,
        predict_drop_len: int | None = None,
        attention_dropout: float = 0.0,
        output_dropout: float = 0.0,
        n_parallel_heads: int | None = None,
        use_python_loop: bool = False,
        use_reference_code: bool = False,
    ):
        super().__init__(n_in=2 if masked else 1, n_out=1, mode=mode)
        self._n_heads = positive(n_heads, 'SelfAttention: n_heads')
        self._d_qk = positive(d_qk, 'SelfAttention: d_qk')
        self._d_v = positive(d_v, 'SelfAttention: d_v')
        self._share_qk, self._causal, self._masked = share_qk, causal, masked
        self._chunk_len = _chunk_len(chunk_len, n_chunks_before, n_chunks_after)
        self._before, self._after, self._bias = n_chunks_before, n_chunks_after, bias
        in_chunks = chunk_len and chunk_len * (1 + n_chunks_before)
        most = (in_chunks or 2048) if predict_mem_len is None else predict_mem_len
        self._max_length = positive(most, 'SelfAttention: predict_mem_len')
        n_dropped = chunk_len if predict_drop_len is None else predict_drop_len
        self._n_dropped = _n_dropped(n_dropped, most)
        self._attention_dropout = rate(attention_dropout, 'SelfAttention: attention_dropout')
        self._output_dropout = rate(output_dropout, 'SelfAttention: output_dropout')
        draws = ('train',) if attention_dropout or output_dropout else False
        declare(self, has_memory=causal, is_causal=causal, draws=draws)

    @property
    def room_for_steps(self):
        ends = self._causal and self._n_dropped is None
        return ('predict_mem_len', self._max_length) if ends else None

    def weights_fn(self, signature, context):
        x = signature[0] if self._masked else signature
        check_sequence(x)
        h, d, d_qk, d_v = self._n_heads, x.shape[-1], self._d_qk, self._d_v

        def draw(name, n_out):
            # As wide as all heads together: Glorot and Bengio 2010, equation 16.
            initializer = RandomUniformInitializer((6 / (d + h * n_out)) ** 0.5)
            return initializer((h, d, n_out), context.key(name))

        has_k = not self._share_qk
        return SelfAttentionWeights(
            draw('w_q', d_qk),
            draw('w_k', d_qk) if has_k else None,
            draw('w_v', d_v),
            draw('w_o', d_v).swapaxes(1, 2),
            jnp.zeros((h, d_qk), jnp.float32) if self._bias else None,
            jnp.zeros((h, d_qk), jnp.float32) if self._bias and has_k else None,
            jnp.zeros((h, d_v), jnp.float32) if self._bias else None,
        )

    def state_fn(self, signature, context):
        if not (context.steps and self._causal):
            return ()
        x = signature[0] if self._masked else signature
        rows, most = x.shape[0], self._max_length
        shape, dtype = (rows, self._n_heads, most), jnp.promote_types(x.dtype, jnp.float32)
        k, v = (jnp.zeros((*shape, e), dtype) for e in (self._d_qk, self._d_v))
        mask = jnp.zeros((rows, most, 1), bool) if self._masked else None
        return SelfAttentionState(k, v, jnp.zeros(rows, jnp.int32), mask)

    def apply_fn(self, x, weights, state, context):
        x, mask = x if self._masked else (x, None)
        weights = self._named(weights)
        check_sequence(x)
        same_width(x, weights.w_q.shape[1])
        mask = _as_places(mask, x)
        q, k, v = self._qkv(x, weights, context.precision)
        if context.steps and self._causal:
            y, state = self._step(q, k, v, mask, state, context)
        else:
            places = jnp.arange(x.shape[1])[None]
            may_see = self._may_see(places, places, mask)
            y = attend(q, k, v, self._attention_dropout, context, may_see)
        y = dot(merge_heads(y), weights.w_o.reshape(-1, x.shape[-1]), context.precision)
        return self._dropped(y, context), state

    def _step(self, q, k, v, mask, state, context):
        """Returns what new steps take from those that are kept, and from each other."""
        same_batch(state.n, q)
        kept, new = (state.k, state.v, state.mask), (k, v, mask)
        at = state.n[:, None] + jnp.arange(q.shape[2], dtype=jnp.int32)  # (b, t)
        if self._n_dropped is None:
            steps_with_room(q.shape[2], state.n, self._max_length, 'predict_mem_len')
            kept = seen = put(kept, new, at)
            places, first = jnp.arange(self._max_length)[None], 0
        else:
            kept, seen, places = put_last(kept, new, state.n)
            first = first_kept(at, self._max_length, self._n_dropped)
        k, v, mask = seen
        may_see = self._may_see(at, places, mask, first)
        y = attend(q, k, v, self._attention_dropout, context, may_see)
        has_room = at < first + self._max_length
        y = jnp.where(has_room[:, None, :, None], y, jnp.nan)
        k, v, mask = kept
        return y, SelfAttentionState(k, v, state.n + q.shape[2], mask)

    def _named(self, weights):
        """Returns weights by their names, also those given as a plain tuple in Trax's order."""
        names = SelfAttentionWeights._fields[: 7 if self._bias else 4]
        there = [name for name in names if not (self._share_qk and name in ('w_k', 'b_k'))]
        by_name = dict(zip(there, jax.tree.leaves(weights), strict=True))
        return SelfAttentionWeights(**{'w_k': None, **by_name})

    def _qkv(self, x, weights, precision):
        """Returns queries, keys and values, (b, h, t, d_qk or d_v)."""
        w_q, w_k, w_v, _, b_q, b_k, b_v = weights

        def project(w, b):
            flat = w.swapaxes(0, 1).reshape(w.shape[1], -1)
            y = affine(x, flat, None if b is None else b.reshape(-1), precision)
            return split_heads(y, self._n_heads)

        q, v = project(w_q, b_q), project(w_v, b_v)
        if not self._share_qk:
            return q, project(w_k, b_k), v
        return q, q * jax.lax.rsqrt(jnp.mean(jnp.square(q), -1, keepdims=True) + 1e-6), v

    def _may_see(self, at, places, mask, first: Any = 0):
        """Returns whether queries at some places may see other places, (b or 1, 1, t, s).

        Shapes: at (b or 1, t), places (b or 1, s), mask (b, s, 1) or None; first, the first place
        that is not forgotten, as at, or one number.
        """
        at, places, first = at[:, :, None], places[:, None], jnp.asarray(first)[..., None]
        may_see = places >= first
        may_see &= places <= at if self._causal else True
        if self._chunk_len:
            back = at // self._chunk_len - places // self._chunk_len
            may_see &= (-self._after <= back) & (back <= self._before)
        if self._share_qk:
            may_see &= places != at
        if mask is not None:
            may_see &= mask.swapaxes(1, 2)
        may_see |= ~may_see.any(-1, keepdims=True) & (places == at)
        return may_see[:, None]

    def _dropped(self, y, context):
        if context.mode != 'train' or self._output_dropout == 0:
            return y
        keep = 1 - self._output_dropout
        kept = jax.random.bernoulli(context.key('output'), keep, (1, 1, y.shape[-1]))
        return jnp.where(kept, y / keep, jnp.zeros((), y.dtype))


def _chunk_len(chunk_len, before, after):
    if min(before, after) < 0:
        raise ValueError(f'SelfAttention: chunks cannot be fewer than 0, got {before} and {after}')
    if chunk_len is not None:
        return positive(chunk_len, 'SelfAttention: chunk_len')
    if before or after:
        raise ValueError(
            f'SelfAttention: got {before} chunks before and {after} behind, and no chunk_len. Say '
            'how many places make a chunk, or leave the chunks out to see all.'
        )
    return None


def _n_dropped(predict_drop_len, predict_mem_len):
    if predict_drop_len is None:
        return None
    if positive(predict_drop_len, 'SelfAttention: predict_drop_len') > predict_mem_len:
        raise ValueError(
            f'SelfAttention: predict_drop_len must be at most predict_mem_len, {predict_mem_len}, '
            f'got {predict_drop_len}: it cannot forget more steps than it keeps.'
        )
    return predict_drop_len


def _as_places(mask: Any, x: jax.Array) -> Any:
    """Returns a mask as bools (b, t, 1)."""
    if mask is None:
        return None
    if mask.shape != x.shape[:2]:
        fix = 'Squeeze axes 1 and 2 of what PaddingMask() gives.' if mask.ndim == 4 else ''
        raise mismatch('the mask', f'shape {x.shape[:2]}', f'shape {mask.shape}', fix)
    return (mask != 0)[..., None]
