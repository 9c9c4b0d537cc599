"""The loop of an LSTM with a backward pass of its own, made like that of gru_backward.py.

The forward pass saves gates and states before each step; the memory after it is computed again
from them. It is exact: the same sums in another order.

Notation: x are the gates' inputs, `x w + b`; i input gate, j candidate, f forget gate, o output
gate, after their sigmoids and tanh; c memory, h hidden state.
"""

import functools

import jax
import jax.numpy as jnp

from .products import dot, weight_gradient

Gates = tuple[jax.Array, jax.Array, jax.Array, jax.Array]


def combine(gates: jax.Array, c: jax.Array) -> tuple[Gates, jax.Array, jax.Array]:
    """Returns (i, j, f, o), the new memory and the new hidden state.

    Shapes: gates (..., 4n), c (..., n) -> four, one and one (..., n).
    """
    i, j, f, o = jnp.split(gates, 4, axis=-1)
    i, j, f, o = jax.nn.sigmoid(i), jnp.tanh(j), jax.nn.sigmoid(f), jax.nn.sigmoid(o)
    c = c * f + i * j
    return (i, j, f, o), c, jnp.tanh(c) * o


def plain_loop(
    x: jax.Array, c: jax.Array, h: jax.Array, u: jax.Array, precision: str
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Runs all steps; returns the hidden states of all steps, the last memory and hidden state.

    Shapes: x (t, b, 4n), c (b, n), h (b, n), u (n, 4n) -> (t, b, n), (b, n), (b, n).
    """

    def body(state, x):
        c, h = state
        _, c, h = combine(x + dot(h, u, precision), c)
        return (c, h), h

    (c, h), ys = jax.lax.scan(body, (c, h), x)
    return ys, c, h


loop = functools.partial(jax.custom_vjp, nondiff_argnums=(4,))(plain_loop)


def _forward(x, c, h, u, precision):
    def body(state, x):
        c, h = state
        gates, c_new, h_new = combine(x + dot(h, u, precision), c)
        return (c_new, h_new), (c, h, *gates)

    (c, h), (c_before, h_before, *gates) = jax.lax.scan(body, (c, h), x)
    ys = jnp.concatenate([h_before[1:], h[None]])
    return (ys, c, h), (c_before, h_before, gates, u)


def _backward(precision, saved, gradients):
    c_before, h_before, gates, u = saved
    d_ys, d_c, d_h = gradients
    u_back = u.T

    def body(d_state, step):
        d_c, d_h = d_state
        d_y, c, i, j, f, o = step
        d_h = d_h + d_y
        tanh_c = jnp.tanh(c * f + i * j)
        d_c = d_c + d_h * o * (1 - tanh_c * tanh_c)
        d_i = d_c * j * i * (1 - i)  # before the sigmoids, and tanh
        d_j = d_c * i * (1 - j * j)
        d_f = d_c * c * f * (1 - f)
        d_o = d_h * tanh_c * o * (1 - o)
        d_x = jnp.concatenate([d_i, d_j, d_f, d_o], axis=-1)
        return (d_c * f, dot(d_x, u_back, precision)), d_x

    steps = (d_ys, c_before, *gates)
    (d_c, d_h), d_x = jax.lax.scan(body, (d_c, d_h), steps, reverse=True)
    return d_x, d_c, d_h, weight_gradient(h_before, d_x, precision)


loop.defvjp(_forward, _backward)
