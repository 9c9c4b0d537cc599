"""Products at a chosen precision, forwards and backwards."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrax.kernels import dot
from retrax.kernels.products import weight_gradient


def test_bf16_products_add_up_in_float32():
    r = np.random.RandomState(1)
    a, b = (jnp.asarray(r.randn(*s), jnp.float32) for s in ((4, 64), (64, 3)))
    y = dot(a, b, 'bf16')
    assert y.dtype == jnp.float32
    wanted = np.asarray(a, np.float64) @ np.asarray(b, np.float64)
    error = np.abs(y - wanted).max() / np.abs(wanted).max()
    assert 1e-5 < error < 1e-2


def test_bf16_gradients_are_near_and_all_products_are_bf16():
    r = np.random.RandomState(2)
    a, b, d_y = (jnp.asarray(r.randn(*s), jnp.float32) for s in ((2, 8, 64), (64, 32), (2, 8, 32)))

    def loss(a, b, precision):
        return (dot(a, b, precision) * d_y).sum()

    wanted = jax.grad(loss, (0, 1))(a, b, 'float32')
    got = jax.grad(loss, (0, 1))(a, b, 'bf16')
    for w, g in zip(wanted, got, strict=True):
        assert g.dtype == jnp.float32
        assert 1e-5 < np.abs(w - g).max() / np.abs(w).max() < 1e-2
    jaxpr = jax.make_jaxpr(jax.grad(lambda a, b: loss(a, b, 'bf16'), (0, 1)))(a, b)
    products = [eqn for eqn in _all_eqns(jaxpr) if eqn.primitive.name == 'dot_general']
    assert len(products) == 3
    assert {v.aval.dtype for eqn in products for v in eqn.invars} == {jnp.dtype('bfloat16')}


@pytest.mark.parametrize('rows', [6, 7])
def test_bf16_gradients_of_weights_are_sums_over_all_rows_and_have_derivatives(rows):
    """An even number of rows is summed over as two axes; its results are those of one."""
    r = np.random.RandomState(3)
    a, d_y, d_w = (jnp.asarray(r.randn(*s), jnp.float32) for s in ((rows, 8), (rows, 4), (8, 4)))

    def total(a, d_y):
        w = weight_gradient(a, d_y, 'bf16')
        return (w * d_w).sum(), w

    (d_a, d_d_y), w = jax.grad(total, (0, 1), has_aux=True)(a, d_y)
    for got, wanted in ((w, a.T @ d_y), (d_a, d_y @ d_w.T), (d_d_y, a @ d_w)):
        assert got.dtype == jnp.float32
        assert 1e-5 < np.abs(got - wanted).max() / np.abs(wanted).max() < 1e-2


def _all_eqns(jaxpr):
    for eqn in jaxpr.jaxpr.eqns:
        yield eqn
        for sub in eqn.params.values():
            if hasattr(sub, 'jaxpr'):
                yield from _all_eqns(sub)
