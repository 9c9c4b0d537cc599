"""The gated recurrent unit with the reset gate before the product, as in Trax."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from . import gru_backward
from .implementation import Implementation, pick
from .products import affine


class GRUWeights(NamedTuple):
    """Weights of a GRU of n units over d features; the rows of w1, w2 are x's, then h's."""

    w1: jax.Array  # (d + n, 2n): update gate, reset gate
    b1: jax.Array  # (2n,)
    w2: jax.Array  # (d + n, n): candidate
    b2: jax.Array  # (n,)


@functools.partial(jax.jit, static_argnames=('precision', 'implementation'))
def gru(
    x: jax.Array,
    h: jax.Array,
    weights: GRUWeights,
    precision: str = 'float32',
    implementation: Implementation = 'auto',
) -> tuple[jax.Array, jax.Array]:
    """Runs a GRU over a sequence; returns the hidden states of all steps and the last one.

        u, r = split(sigmoid([x, h] w1 + b1))
        c    = tanh([x, r * h] w2 + b2)
        h'   = u * h + (1 - u) * c

    The products with x do not depend on h, so they are one product for all steps before the loop;
    two products with h remain inside.

    Shapes: x (b, t, d), h (b, n) -> (b, t, n), (b, n).

    Args:
      x: the inputs.
      h: the state before the first step.
      weights: see GRUWeights.
      precision: of the products: 'float32', 'tf32' or 'bf16'.
      implementation: 'scan' is the reference, a plain loop that jax differentiates;
        'saved_gates' has its own backward pass (gru_backward.py), which cannot be differentiated
        in forward mode; 'auto' is 'saved_gates'.

    Source: Cho et al. 2014, arXiv 1406.1078, equations 5 to 8. Here u keeps the old state, as z
    does there; Chung et al. 2014, arXiv 1412.3555, equation 4, swap the roles of u and 1 - u.
    """
    if x.shape[1] == 1:  # decoding: no loop, no slices of the weights
        h = gru_step(x[:, 0], h, weights, precision)
        return h[:, None], h
    w1, b1, w2, b2 = weights
    d = x.shape[-1]
    x = jnp.swapaxes(x, 0, 1)
    w_x = jnp.concatenate([w1[:d], w2[:d]], axis=1)
    inputs = affine(x, w_x, jnp.concatenate([b1, b2]), precision)
    loop = pick(implementation, gru_backward.plain_loop, gru_backward.loop)
    ys, h = loop(inputs, h, w1[d:], w2[d:], precision)
    return jnp.swapaxes(ys, 0, 1), h


def gru_step(
    x: jax.Array, h: jax.Array, weights: GRUWeights, precision: str = 'float32'
) -> jax.Array:
    """Runs one step of `gru`; returns the new hidden state.

    It multiplies by the whole matrices: to slice them would copy them at every step.

    Shapes: x (..., d), h (..., n) -> (..., n).
    """
    w1, b1, w2, b2 = weights
    gates = jax.nn.sigmoid(affine(jnp.concatenate([x, h], -1), w1, b1, precision))
    u, r = jnp.split(gates, 2, axis=-1)
    c = jnp.tanh(affine(jnp.concatenate([x, r * h], -1), w2, b2, precision))
    return u * h + (1 - u) * c
