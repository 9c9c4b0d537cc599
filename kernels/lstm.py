"""The long short-term memory with a forget gate and no peepholes, as in Trax."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp

from . import lstm_backward
from .implementation import Implementation, pick
from .products import affine


class LSTMWeights(NamedTuple):
    """Weights of an LSTM of n units over d features; the rows of w are x's, then h's."""

    w: jax.Array  # (d + n, 4n): input gate, candidate, forget gate, output gate
    b: jax.Array  # (4n,)


@functools.partial(jax.jit, static_argnames=('precision', 'implementation'))
def lstm(
    x: jax.Array,
    state: jax.Array,
    weights: LSTMWeights,
    precision: str = 'float32',
    implementation: Implementation = 'auto',
) -> tuple[jax.Array, jax.Array]:
    """Runs an LSTM over a sequence; returns the hidden states of all steps and the last state.

        i, j, f, o = split([x, h] w + b)
        c' = c * sigmoid(f) + sigmoid(i) * tanh(j)
        h' = tanh(c') * sigmoid(o)

    The product with x does not depend on h, so it is one product for all steps before the loop;
    one product with h remains inside.

    Shapes: x (b, t, d), state (b, 2n) = [c, h] -> (b, t, n), (b, 2n).

    Args:
      x: the inputs.
      state: the memory c and the hidden state h before the first step, joined.
      weights: see LSTMWeights.
      precision: of the products: 'float32', 'tf32' or 'bf16'.
      implementation: 'scan' is the reference, a plain loop that jax differentiates;
        'saved_gates' has its own backward pass (lstm_backward.py), which cannot be differentiated
        in forward mode; 'auto' is 'saved_gates'.

    Source: Gers et al. 2000, Learning to Forget, without the scaling of tanh; the order of the
    gates is Trax's (PyTorch's is i, f, j, o).
    """
    if x.shape[1] == 1:  # decoding: no loop, no slices of the weights
        state = lstm_step(x[:, 0], state, weights, precision)
        return jnp.split(state, 2, axis=-1)[1][:, None], state
    w, b = weights
    d = x.shape[-1]
    c, h = jnp.split(state, 2, axis=-1)
    inputs = affine(jnp.swapaxes(x, 0, 1), w[:d], b, precision)
    loop = pick(implementation, lstm_backward.plain_loop, lstm_backward.loop)
    ys, c, h = loop(inputs, c, h, w[d:], precision)
    return jnp.swapaxes(ys, 0, 1), jnp.concatenate([c, h], axis=-1)


def lstm_step(
    x: jax.Array, state: jax.Array, weights: LSTMWeights, precision: str = 'float32'
) -> jax.Array:
    """Runs one step of `lstm`; returns the new state.

    It multiplies by the whole matrix: to slice it would copy it at every step.

    Shapes: x (..., d), state (..., 2n) = [c, h] -> (..., 2n).
    """
    w, b = weights
    c, h = jnp.split(state, 2, axis=-1)
    gates = affine(jnp.concatenate([x, h], axis=-1), w, b, precision)
    _, c, h = lstm_backward.combine(gates, c)
    return jnp.concatenate([c, h], axis=-1)
