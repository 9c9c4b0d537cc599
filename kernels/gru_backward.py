"""The loop of a GRU with a backward pass of its own.

Differentiating a scan adds the gradient of the recurrent weights up at every step, in a matrix as
large as they are. Here the forward pass saves the gates, the reverse loop computes the gradients
of the gates only, and one product over all steps and rows then gives the gradient of each weight.
It is exact: the same sums in another order.

Notation: x are the gates' inputs, `x w + b`; u update gate, r reset gate, c candidate.
"""

import functools

import jax
import jax.numpy as jnp

from .products import dot, weight_gradient


def step(
    x: jax.Array, h: jax.Array, u_gates: jax.Array, u_candidate: jax.Array, precision: str
) -> tuple[tuple[jax.Array, jax.Array, jax.Array], jax.Array]:
    """Runs one step from the gates' inputs; returns (u, r, c) and the new hidden state.

    Shapes: x (..., 3n), h (..., n), u_gates (n, 2n), u_candidate (n, n) -> three and one (..., n).
    """
    n = h.shape[-1]
    gates = jax.nn.sigmoid(x[..., : 2 * n] + dot(h, u_gates, precision))
    u, r = gates[..., :n], gates[..., n:]
    c = jnp.tanh(x[..., 2 * n :] + dot(r * h, u_candidate, precision))
    return (u, r, c), u * h + (1 - u) * c


def plain_loop(
    x: jax.Array, h: jax.Array, u_gates: jax.Array, u_candidate: jax.Array, precision: str
) -> tuple[jax.Array, jax.Array]:
    """Runs all steps; returns the hidden states of all steps and the last one.

    Shapes: x (t, b, 3n), h (b, n) -> (t, b, n), (b, n).
    """

    def body(h, x):
        _, h = step(x, h, u_gates, u_candidate, precision)
        return h, h

    h, ys = jax.lax.scan(body, h, x)
    return ys, h


loop = functools.partial(jax.custom_vjp, nondiff_argnums=(4,))(plain_loop)


def _forward(x, h, u_gates, u_candidate, precision):
    def body(h, x):
        gates, h_new = step(x, h, u_gates, u_candidate, precision)
        return h_new, (h, *gates)

    h, (before, u, r, c) = jax.lax.scan(body, h, x)
    ys = jnp.concatenate([before[1:], h[None]])
    return (ys, h), (before, u, r, c, u_gates, u_candidate)


def _backward(precision, saved, gradients):
    before, u, r, c, u_gates, u_candidate = saved
    d_ys, d_h = gradients
    n = u.shape[-1]
    gates_back, candidate_back = u_gates.T, u_candidate.T

    def body(d_h, step):
        d_y, h, u, r, c = step
        d_h = d_h + d_y
        d_c = d_h * (1 - u) * (1 - c * c)  # before tanh
        d_rh = dot(d_c, candidate_back, precision)
        d_u = d_h * (h - c) * u * (1 - u)  # before the sigmoids
        d_r = d_rh * h * r * (1 - r)
        d_gates = jnp.concatenate([d_u, d_r], axis=-1)
        d_h = d_h * u + d_rh * r + dot(d_gates, gates_back, precision)
        return d_h, jnp.concatenate([d_gates, d_c], axis=-1)

    d_h, d_x = jax.lax.scan(body, d_h, (d_ys, before, u, r, c), reverse=True)
    d_u_gates = weight_gradient(before, d_x[..., : 2 * n], precision)
    d_u_candidate = weight_gradient(r * before, d_x[..., 2 * n :], precision)
    return d_x, d_h, d_u_gates, d_u_candidate


loop.defvjp(_forward, _backward)
