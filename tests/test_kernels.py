"""Kernels: recurrences against float64 NumPy, and their own backward passes against jax's."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrax.kernels import GRUWeights, LSTMWeights, dot, gru, gru_step, lstm, lstm_step

B, T, D, N = 3, 7, 4, 5


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru_by_hand(x, h, weights):
    """Trax's equations of a GRU, on the joined [x, h]."""
    w1, b1, w2, b2 = weights
    u, r = np.split(sigmoid(np.concatenate([x, h], -1) @ w1 + b1), 2, -1)
    c = np.tanh(np.concatenate([x, r * h], -1) @ w2 + b2)
    return u * h + (1 - u) * c


def lstm_by_hand(x, state, weights):
    """Trax's equations of an LSTM, on the joined [x, h]."""
    w, b = weights
    c, h = np.split(state, 2, -1)
    i, j, f, o = np.split(np.concatenate([x, h], -1) @ w + b, 4, -1)
    c = c * sigmoid(f) + sigmoid(i) * np.tanh(j)
    return np.concatenate([c, np.tanh(c) * sigmoid(o)], -1)


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A recurrence: over time, one step, one step in NumPy; what it takes."""

    run: Callable[..., Any]
    step: Callable[..., Any]
    by_hand: Callable[..., Any]
    weights: type
    shapes: tuple[tuple[int, ...], ...]
    state_size: int


KERNELS = [
    Kernel(gru, gru_step, gru_by_hand, GRUWeights, ((D + N, 2 * N), (2 * N,), (D + N, N), (N,)), N),
    Kernel(lstm, lstm_step, lstm_by_hand, LSTMWeights, ((D + N, 4 * N), (4 * N,)), 2 * N),
]


@dataclasses.dataclass(frozen=True)
class Case:
    """A kernel with inputs, and weights of its outputs in a scalar."""

    kernel: Kernel
    x: Any
    state: Any
    weights: Any
    for_y: Any
    for_last: Any

    def run(self, implementation):
        return self.kernel.run(self.x, self.state, self.weights, implementation=implementation)

    def total(self, implementation):
        """Returns the scalar as a function of inputs, state and weights."""

        def weighed(x, state, weights):
            y, last = self.kernel.run(x, state, weights, implementation=implementation)
            return (y * self.for_y).sum() + (last * self.for_last).sum()

        return weighed


@pytest.fixture(params=KERNELS, ids=lambda kernel: kernel.run.__name__)
def case(request):
    r, kernel = np.random.RandomState(0), request.param
    weights = kernel.weights(*(r.randn(*shape) for shape in kernel.shapes))
    state, for_last = r.randn(2, B, kernel.state_size)
    return Case(kernel, r.randn(B, T, D), state, weights, r.randn(B, T, N), for_last)


@pytest.mark.parametrize('implementation', ['scan', 'saved_gates', 'auto'])
def test_a_kernel_is_its_formula(case, implementation):
    with jax.enable_x64(True):
        y, last = case.run(implementation)
    state = case.state
    for t in range(T):
        state = case.kernel.by_hand(case.x[:, t], state, case.weights)
        np.testing.assert_allclose(y[:, t], state[:, -N:], atol=1e-13)
    np.testing.assert_allclose(last, state, atol=1e-13)


def test_a_step_is_a_sequence_of_one(case):
    x = case.x[:, :1]
    with jax.enable_x64(True):
        state = case.kernel.step(x[:, 0], case.state, case.weights)
        y, last = case.kernel.run(x, case.state, case.weights)
    np.testing.assert_allclose(last, state, atol=1e-14)
    np.testing.assert_allclose(y[:, 0], state[:, -N:], atol=1e-14)


def gradients(case, implementation):
    of = jax.grad(case.total(implementation), (0, 1, 2))
    return of(case.x, case.state, case.weights)


def test_the_own_backward_pass_is_exact(case):
    with jax.enable_x64(True):
        wanted, got = (gradients(case, which) for which in ('scan', 'saved_gates'))
    for a, b in zip(jax.tree.leaves(wanted), jax.tree.leaves(got), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-13)


def test_second_derivatives_agree(case):
    def of_gradient(implementation):
        first = jax.grad(case.total(implementation), 1)
        with jax.enable_x64(True):
            return jax.grad(lambda s: (first(case.x, s, case.weights) ** 2).sum())(case.state)

    np.testing.assert_allclose(of_gradient('saved_gates'), of_gradient('scan'), atol=1e-11)


def test_forward_mode_says_why_it_cannot(case):
    def of(implementation):
        return lambda s: case.kernel.run(case.x, s, case.weights, implementation=implementation)[0]

    with pytest.raises(TypeError, match='forward-mode'):
        jax.jvp(of('saved_gates'), (case.state,), (case.state,))
    jax.jvp(of('scan'), (case.state,), (case.state,))


def test_an_unknown_implementation_is_refused(case):
    with pytest.raises(ValueError, match="one of 'auto', 'scan', 'saved_gates', got 'cudnn'"):
        case.run('cudnn')


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

    def matrices_made_in_loops(implementation):
        jaxpr = jax.make_jaxpr(jax.grad(case.total(implementation), 2))(
            case.x, case.state, case.weights
        )
        bodies = list(loop_bodies(jaxpr.jaxpr))
        assert len(bodies) == 2  # forward and reverse
        made = [v.aval.shape for body in bodies for eqn in body.eqns for v in eqn.outvars]
        return [shape for shape in made if shape in ((N, 4 * N), (N, 2 * N), (N, N))]

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
