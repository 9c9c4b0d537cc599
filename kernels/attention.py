"""Scaled dot-product attention, with the softmax in float32 at every precision."""

from typing import Any

import jax
import jax.numpy as jnp


def attention(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    mask: jax.Array | None = None,
    is_causal: bool = False,
    precision: str = 'float32',
    rate: float = 0.0,
    key: Any = None,
) -> jax.Array:
    """Returns softmax(q k' / sqrt(d)) v, over the places that a query may see.

    A query that may see no place gets the mean of all values.

    Shapes: q (b, h, t, d), k (b, h, s, d), v (b, h, s, e) -> (b, h, t, e).

    Args:
      q, k, v: queries, keys and values.
      mask: true where a query may see a place; its shape broadcasts to (b, h, t, s).
      is_causal: whether query i sees places up to i only.
      precision: of the two products: 'float32', 'tf32' or 'bf16'.
      rate: the probability with which a strength is left out; the others are divided by 1 - rate.
      key: draws what is left out.

    Source: Vaswani et al. 2017, Attention Is All You Need, arXiv 1706.03762, equation 1.
    """
    dtype = q.dtype
    if precision == 'bf16':
        q, k, v = (a.astype(jnp.bfloat16) for a in (q, k, v))
    # jax's function knows no dropout, takes values as wide as keys, and has no float64.
    if rate == 0 and v.shape[-1] == q.shape[-1] and q.dtype != jnp.float64:
        q, k, v = (a.swapaxes(1, 2) for a in (q, k, v))
        y = jax.nn.dot_product_attention(q, k, v, mask=mask, is_causal=is_causal)
        return y.swapaxes(1, 2).astype(dtype)
    strengths = _strengths(q, k, mask, is_causal)
    if rate:
        keep = jax.random.bernoulli(key, 1 - rate, strengths.shape)
        strengths = jnp.where(keep, strengths / (1 - rate), 0)
    return jnp.einsum('bhts,bhse->bhte', strengths.astype(v.dtype), v).astype(dtype)


def _strengths(q, k, mask, is_causal):
    wide = jnp.promote_types(q.dtype, jnp.float32)
    scores = jnp.einsum('bhtd,bhsd->bhts', q, k, preferred_element_type=wide)
    scores = scores * q.shape[-1] ** -0.5
    if is_causal:
        places = jnp.arange(q.shape[2])[:, None] >= jnp.arange(k.shape[2])
        mask = places if mask is None else mask & places
    if mask is not None:
        scores = jnp.where(mask, scores, 0.7 * jnp.finfo(scores.dtype).min)
    return jax.nn.softmax(scores)
