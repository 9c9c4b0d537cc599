"""Rotary: queries and keys are turned by their places, so that attention sees distances."""

import jax.numpy as jnp

from ..combinators import Layer, mismatch
from .checks import positive, same_batch
from .heads import head_width


class Rotary(Layer):
    """Turns each pair of features of a head by an angle that grows with the place.

        y_2i   = x_2i cos(t / base^(2 i / d)) - x_2i+1 sin(t / base^(2 i / d))
        y_2i+1 = x_2i+1 cos(t / base^(2 i / d)) + x_2i sin(t / base^(2 i / d))

    where d is the width of a head. A product of a query and a key that were turned so depends on
    their places by the distance only. It stands behind the layers that make them:

        ConfigurableAttention(
            [Dense(d), Rotary(h)], [Dense(d), Rotary(h)], Dense(d), Dense(d),
            DotProductCausalAttention(), n_heads=h)

    In predict and with carry it goes on from the place of the last call, each row from its own.
    Libraries that pair feature i with i + d / 2 (GPT-NeoX, Llama) have the same layer but for the
    order of the features that the Dense before it gives.

    Shapes: x (b, t, n_heads * d) -> the same, and the same dtype; the angles are float32.

    Args:
      n_heads: how many heads share the features.
      base: of the wavelengths, which go from 2 pi to 2 pi base.
      mode: as for every layer.

    State: in predict and with carry, the place of each row's next step (b,) int32.

    Raises:
      ValueError: n_heads is not a positive int; x is not (batch, time, features), or has no even
        number of features for each head; the state is of another batch.

    Source: Su et al. 2021, RoFormer, arXiv 2104.09864, equation 34.
    """

    has_memory = True

    def __init__(self, n_heads: int = 1, base: float = 10000.0, mode: str | None = None):
        super().__init__(mode=mode)
        self._n_heads, self._base = positive(n_heads, 'Rotary: n_heads'), base

    def state_fn(self, signature, context):
        return jnp.zeros(signature.shape[0], jnp.int32) if context.steps else ()

    def apply_fn(self, x, weights, state, context):
        n_pairs = self._pairs(x)
        start = jnp.zeros((1, 1), jnp.int32)
        if context.steps:
            same_batch(state, x)
            start, state = state[:, None], state + x.shape[1]
        speeds = self._base ** (-jnp.arange(n_pairs) / n_pairs)
        places = start + jnp.arange(x.shape[1])
        angles = places[..., None, None] * speeds  # (1 or b, t, 1, pairs)
        pairs = x.reshape(*x.shape[:2], self._n_heads, n_pairs, 2)
        return _turned(pairs, angles).reshape(x.shape).astype(x.dtype), state

    def _pairs(self, x):
        if len(x.shape) != 3 or not jnp.issubdtype(x.dtype, jnp.floating):
            expected = 'floats of shape (batch, time, features)'
            raise mismatch('the input', expected, f'{x.dtype} of shape {x.shape}')
        width = head_width(x.shape[-1], self._n_heads)
        if width % 2:
            raise mismatch(
                'the width of a head', 'an even number, as features turn in pairs', width
            )
        return width // 2


def _turned(pairs, angles):
    cos, sin = jnp.cos(angles), jnp.sin(angles)
    even, odd = pairs[..., 0], pairs[..., 1]
    return jnp.stack([even * cos - odd * sin, odd * cos + even * sin], axis=-1)
