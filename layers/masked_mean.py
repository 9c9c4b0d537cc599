"""MaskedMean: one vector for a sequence, from its valid steps alone."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from ..combinators import Layer, mismatch
from .checks import same_batch


class MaskedMeanState(NamedTuple):
    """What a mean of all steps so far is made of."""

    total: jax.Array  # (b, d), of valid steps
    n_steps: jax.Array  # (b,), how many there were


class MaskedMean(Layer):
    """Takes the mean over the valid steps of each row: y = sum_t m_t x_t / sum_t m_t.

    A row without a valid step gives 0. What stands at other steps changes nothing, NaN neither.

    Inputs, top first: x (b, t, d), mask (b, t), which is not 0 where a step is valid.

    Shapes: (b, t, d), (b, t) -> (b, d).

    State: in predict and with carry MaskedMeanState(total (b, d), n_steps (b,)); the mean is that
    of all steps so far.

    Raises:
      ValueError: the mask is not (batch, time) of x.
    """

    has_memory = True
    is_causal = False

    def __init__(self, mode: str | None = None):
        super().__init__(n_in=2, mode=mode)

    def state_fn(self, signature, context):
        x, mask = signature
        _check(x, mask)
        if not context.steps:
            return ()
        dtype = jnp.promote_types(x.dtype, jnp.float32)
        shape = (x.shape[0], x.shape[2])
        return MaskedMeanState(jnp.zeros(shape, dtype), jnp.zeros(shape[:1], dtype))

    def apply_fn(self, x, weights, state, context):
        x, mask = x
        _check(x, mask)
        valid = mask.astype(bool)
        # Sums are never narrower than float32: in bfloat16 a count would end at 256.
        dtype = jnp.promote_types(x.dtype, jnp.float32)
        total = jnp.sum(jnp.where(valid[..., None], x, 0), axis=1, dtype=dtype)
        count = jnp.sum(valid, axis=1, dtype=dtype)
        if context.steps:
            same_batch(state.total, x)
            total, count = total + state.total, count + state.n_steps
            state = MaskedMeanState(total, count)
        return (total / jnp.maximum(count, 1)[:, None]).astype(x.dtype), state


def _check(x, mask):
    if len(x.shape) != 3:
        raise mismatch('the input', 'the shape (batch, time, features)', x.shape)
    if mask.shape != x.shape[:2]:
        raise mismatch(
            'the mask',
            f'the shape {x.shape[:2]}, as (batch, time)',
            mask.shape,
            'SequenceMask() makes one of ids.',
        )
