"""Kernels: the GRU against float64 NumPy, and its own backward pass against jax's."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrax.kernels import GRUWeights, dot, gru, gru_step

B, T, D, N = 3, 7, 4, 5


@pytest.fixture
def case():
    r = np.random.RandomState(0)
    weights = GRUWeights(r.randn(D + N, 2 * N), r.randn(2 * N), r.randn(D + N, N), r.randn(N))
    return r.randn(B, T, D), r.randn(B, N), weights, r.randn(B, T, N), r.randn(B, N)


def by_hand(x, h, weights):
    """Trax's equations, step by step, on the joined [x, h]."""
    w1, b1, w2, b2 = weights
    ys = []
    for t in range(x.shape[1]):
        gates = 1 / (1 + np.exp(-(np.concatenate([x[:, t], h], -1) @ w1 + b1)))
        u, r = np.split(gates, 2, -1)
        c = np.tanh(np.concatenate([x[:, t], r * h], -1) @ w2 + b2)
        h = u * h + (1 - u) * c
        ys.append(h)
    return np.stack(ys, 1), h


@pytest.mark.parametrize('implementation', ['scan', 'saved_gates', 'auto'])
def test_gru_is_its_formula(case, implementation):
    x, h, weights, *_ = case
    with jax.enable_x64(True):
        y, last = gru(x, h, weights, implementation=implementation)
    wanted, wanted_last = by_hand(x, h, weights)
    np.testing.assert_allclose(y, wanted, atol=1e-13)
    np.testing.assert_allclose(last, wanted_last, atol=1e-13)


def test_gru_step_is_one_step_of_gru(case):
    x, h, weights, *_ = case
    with jax.enable_x64(True):
        np.testing.assert_allclose(
            gru_step(x[:, 0], h, weights), gru(x[:, :1], h, weights)[1], atol=1e-14
        )


def gradients(case, implementation):
    x, h, weights, for_y, for_last = case

    def weighed(x, h, weights):
        y, last = gru(x, h, weights, implementation=implementation)
        return (y * for_y).sum() + (last * for_last).sum()

    return weighed, jax.grad(weighed, (0, 1, 2))(x, h, weights)


def test_the_own_backward_pass_is_exact(case):
    with jax.enable_x64(True):
        _, wanted = gradients(case, 'scan')
        _, got = gradients(case, 'saved_gates')
    for a, b in zip(jax.tree.leaves(wanted), jax.tree.leaves(got), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-13)


def test_second_derivatives_agree(case):
    x, h, weights, *_ = case

    def of_gradient(implementation):
        with jax.enable_x64(True):
            weighed, _ = gradients(case, implementation)
            return jax.grad(lambda h: (jax.grad(weighed, 1)(x, h, weights) ** 2).sum())(h)

    np.testing.assert_allclose(of_gradient('saved_gates'), of_gradient('scan'), atol=1e-11)


def test_forward_mode_says_why_it_cannot(case):
    x, h, weights, *_ = case
    with pytest.raises(TypeError, match='forward-mode'):
        jax.jvp(lambda h: gru(x, h, weights)[0], (h,), (h,))
    jax.jvp(lambda h: gru(x, h, weights, implementation='scan')[0], (h,), (h,))


def loop_bodies(jaxpr):
    """Yields what each scan repeats, in the functions that a program calls too."""
    for eqn in jaxpr.eqns:
        inner = [v.jaxpr for v in eqn.params.values() if hasattr(v, 'jaxpr')]
        if eqn.primitive.name == 'scan':
            yield from inner
        else:
            for function in inner:
                yield from loop_bodies(function)


def test_the_loops_compute_no_weight_gradient(case):
    """Inside the reverse loop nothing of the shape of the recurrent weights is computed."""
    x, h, weights, *_ = case

    def matrices_made_in_loops(implementation):
        weighed, _ = gradients(case, implementation)
        jaxpr = jax.make_jaxpr(jax.grad(weighed, 2))(x, h, weights)
        bodies = list(loop_bodies(jaxpr.jaxpr))
        assert len(bodies) == 2  # forward and reverse
        made = [v.aval.shape for body in bodies for eqn in body.eqns for v in eqn.outvars]
        return [shape for shape in made if shape in ((N, 2 * N), (N, N))]

    assert matrices_made_in_loops('scan')
    assert not matrices_made_in_loops('saved_gates')


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


def _all_eqns(jaxpr):
    for eqn in jaxpr.jaxpr.eqns:
        yield eqn
        for sub in eqn.params.values():
            if hasattr(sub, 'jaxpr'):
                yield from _all_eqns(sub)
