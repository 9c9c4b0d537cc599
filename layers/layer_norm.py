"""LayerNorm: each vector of features gets mean 0 and variance 1."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..combinators import Layer
from .checks import width


class LayerNormWeights(NamedTuple):
    """Weights of LayerNorm for d features."""

    scale: jax.Array  # (d,), ones at first
    bias: jax.Array  # (d,), zeros at first


class LayerNorm(Layer):
    """Normalises the last axis.

        y = (x - mean(x)) / sqrt(mean((x - mean(x))^2) + epsilon) * scale + bias

    Without `center`, y = x / sqrt(mean(x^2) + epsilon) * scale.

    Shapes: x (..., d) -> the same, and the same dtype; computed in float32 at least.

    Args:
      center: whether to take the mean off and add a bias.
      epsilon: keeps the root away from 0.

    Weights: LayerNormWeights(scale, bias); the bias is there without `center` too, as in Trax.

    Source: Ba et al. 2016, arXiv 1607.06450, equation 4; Trax 1.4.1,
    trax.layers.normalization.LayerNorm.
    """

    def __init__(self, center: bool = True, epsilon: float = 1e-6):
        super().__init__()
        self._center, self._epsilon = center, epsilon

    def weights_fn(self, signature, context):
        d, dtype = width(signature), jnp.result_type(signature.dtype, float)
        return LayerNormWeights(jnp.ones(d, dtype), jnp.zeros(d, dtype))

    def apply_fn(self, x, weights, state, context):
        scale, bias = weights
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        if self._center:
            wide = wide - jnp.mean(wide, axis=-1, keepdims=True)
        variance = jnp.mean(jnp.square(wide), axis=-1, keepdims=True)
        y = wide * jax.lax.rsqrt(variance + self._epsilon) * scale
        return (y + bias if self._center else y).astype(jnp.result_type(x.dtype, float)), state
