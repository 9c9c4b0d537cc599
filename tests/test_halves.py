"""Evaluating a step in halves of columns: the same numbers, in pieces."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrax.kernels.halves import WIDE, in_halves

N = WIDE


def gates(x, h):
    u, r = jnp.split(jax.nn.sigmoid(jnp.concatenate([x, h], axis=-1)), 2, axis=-1)
    c = jnp.tanh(r * h - 0.5)
    return u * h + (1 - u) * c, (u, r)


def split_elsewhere(x, h):
    """Pieces of other widths than those that are asked for."""
    both = jnp.concatenate([x, h], axis=-1) * 2
    a, b, c = jnp.split(both, [N // 4, 3 * N // 2], axis=-1)
    return a + 1, jnp.exp(-(b**2)), c * a.sum()


def across_columns(x, h):
    """What looks at other columns, between what does not."""
    y = x * h
    y = (y - y.mean(-1, keepdims=True)) * jax.lax.rsqrt(y.var(-1, keepdims=True) + 1)
    return jnp.flip(y, -1) + jnp.cumsum(jnp.abs(h), -1), jax.nn.softmax(y + h), (y @ y.T).sum()


def choices(x, h):
    """Booleans, integers, scalars, a callback, and functions with derivatives of their own."""
    yes = (x > 0) & ~jnp.isnan(h)
    jax.debug.callback(lambda found: None, yes)
    y = jnp.where(yes, jax.nn.relu(x), jax.nn.gelu(h)) + jnp.where(x.sum() > 0, x, h)
    return y, yes, jnp.round(10 * y).astype(jnp.int32) + 1, jnp.concatenate([x, h * 2], axis=0)


def narrow(x, h):
    """Arrays that are not wide, of an odd width, and results that are arguments."""
    return x[:, :6] * h[:, :6], x[:, 1:] + h[:, 1:], x, 3.0


FUNCTIONS = [gates, split_elsewhere, across_columns, choices, narrow]


@pytest.fixture
def arguments():
    r = np.random.RandomState(4)
    return tuple(jnp.asarray(r.randn(2, N), jnp.float32) for _ in range(2))


@pytest.mark.parametrize('function', FUNCTIONS)
def test_the_numbers_are_the_same_and_so_are_the_derivatives(function, arguments):
    wanted, got = function(*arguments), in_halves(function)(*arguments)
    assert jax.tree.structure(wanted) == jax.tree.structure(got)
    for a, b in zip(jax.tree.leaves(wanted), jax.tree.leaves(got), strict=True):
        assert jnp.result_type(a) == jnp.result_type(b)
        np.testing.assert_allclose(b, a, rtol=1e-6, atol=1e-6)

    for a, b in zip(
        slope(function)(*arguments), slope(in_halves(function))(*arguments), strict=True
    ):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)


def slope(function):
    """The gradient of a scalar of all floats that a function gives."""

    def total(*arguments):
        found = jax.tree.leaves(function(*arguments))
        return sum(jnp.sin(y).sum() for y in found if jnp.result_type(y) == jnp.float32)

    return jax.grad(total, (0, 1))


def test_elementwise_work_is_done_on_half_of_the_columns(arguments):
    jaxpr = jax.make_jaxpr(in_halves(gates))(*arguments).jaxpr
    widths = {}
    for eqn in jaxpr.eqns:
        widths.setdefault(eqn.primitive.name, []).append(eqn.outvars[0].aval.shape[-1])
    assert widths['logistic'] == [N, N]  # the update gate and the reset gate
    assert widths['tanh'] == [N // 2] * 2
    assert set(widths['mul']) == {N // 2}
