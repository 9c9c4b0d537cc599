"""The recurrence that is linear in its state: against float64 NumPy, and its own backward pass."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrax import layers as tl
from retrax.kernels import linear_recurrence

B, T, N = 3, 11, 5
R = np.random.RandomState(0)
A, X, START = R.uniform(-1, 1.1, (B, T, N)), R.randn(B, T, N), R.randn(B, N)
FOR_STATES = R.randn(B, T, N)
OWN = ({'order': 'loop'}, {'order': 'tree'})
HOW = ({'implementation': 'reference'}, *OWN, {})
WAYS = list(itertools.product(HOW, (False, True)))


def by_hand(a: Any, b: Any, h: Any, reverse: bool) -> Any:
    found = np.empty_like(b)
    for t in range(b.shape[1])[:: -1 if reverse else 1]:
        found[:, t] = h = a[:, t] * h + b[:, t]
    return found


@pytest.mark.parametrize(('how', 'reverse'), WAYS)
@pytest.mark.parametrize('t', [1, 2, T])
def test_it_is_its_formula(how: Any, reverse: bool, t: int) -> None:
    with jax.enable_x64(True):
        got = linear_recurrence(A[:, :t], X[:, :t], START, reverse=reverse, **how)
    np.testing.assert_allclose(got, by_hand(A[:, :t], X[:, :t], START, reverse), atol=1e-12)


def plain(a: Any, b: Any, h: Any, reverse: bool) -> Any:
    """The formula in plain operations that jax differentiates by itself."""
    found = [h] * b.shape[1]
    for t in range(b.shape[1])[:: -1 if reverse else 1]:
        found[t] = h = a[:, t] * h + b[:, t]
    return jnp.stack(found, 1)


@pytest.mark.parametrize(('how', 'reverse'), WAYS[:6])
def test_first_and_second_derivatives(how: Any, reverse: bool) -> None:
    def derivatives(run: Any) -> Any:
        def total(*arguments: Any) -> Any:
            return (FOR_STATES * jnp.sin(run(*arguments))).sum()

        def of_gradients(*arguments: Any) -> Any:
            found = jax.grad(total, (0, 1, 2))(*arguments)
            return sum((g**3).sum() for g in found), found

        second, first = jax.grad(of_gradients, (0, 1, 2), has_aux=True)(A, X, START)
        return first, second

    with jax.enable_x64(True):
        got = derivatives(lambda *arguments: linear_recurrence(*arguments, reverse=reverse, **how))
        wanted = derivatives(lambda *arguments: plain(*arguments, reverse))
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize('how', OWN)
def test_vmap_is_a_loop_over_sequences(how: Any) -> None:
    def gradient(a: Any) -> Any:
        return jax.grad(lambda a: (linear_recurrence(a, X, START, **how) ** 2).sum())(a)

    with jax.enable_x64(True):
        more = np.stack([A, 0.5 * A])
        got = jax.vmap(gradient)(more)
        for i in range(2):
            np.testing.assert_allclose(got[i], gradient(more[i]), rtol=1e-12)


def test_long_sequences_with_gates_near_0_and_1_stay_exact() -> None:
    """Products of many numbers below 1 end at 0; nothing is divided by them."""
    a = R.choice([1e-30, 0.5, 1 - 1e-6, 1.0], (2, 3000, 4))
    b = R.randn(2, 3000, 4)
    wanted = by_hand(a, b, np.zeros((2, 4)), False)
    scale = np.abs(wanted).max()
    for how in OWN:
        got = linear_recurrence(
            jnp.asarray(a, jnp.float32),
            jnp.asarray(b, jnp.float32),
            jnp.zeros((2, 4)),
            **how,
        )
        np.testing.assert_allclose(got, wanted, atol=1e-5 * scale)


def test_the_number_of_steps_may_be_a_name() -> None:
    (t,) = jax.export.symbolic_shape('t')
    a = jax.ShapeDtypeStruct((B, t, N), np.float32)
    start = jax.ShapeDtypeStruct((B, N), np.float32)
    got = jax.eval_shape(linear_recurrence, a, a, start)
    assert got.shape == (B, t, N)


def test_a_tree_has_no_loop() -> None:
    def primitives(order: Any) -> str:
        def total(a: Any) -> Any:
            return linear_recurrence(a, X, START, order=order).sum()

        return str(jax.make_jaxpr(jax.grad(total))(A))

    assert 'scan[' in primitives('loop')
    assert 'scan[' not in primitives('tree')


@pytest.mark.parametrize(('backend', 'loops'), [('cpu', True), ('gpu', False)])
def test_auto_takes_a_loop_on_a_cpu_only(
    backend: str, loops: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jax, 'default_backend', lambda: backend)
    with jax.enable_x64(backend == 'gpu'):  # so that neither has been traced before
        program = str(jax.make_jaxpr(linear_recurrence)(A[:2, :9], X[:2, :9], START[:2]))
    assert ('scan[' in program) == loops


def test_an_unknown_implementation_is_refused() -> None:
    with pytest.raises(ValueError, match="one of 'auto', 'reference', 'xla', got 'fast'"):
        linear_recurrence(A, X, START, implementation='fast')  # pyright: ignore[reportArgumentType]


def test_forward_mode_says_what_works_instead() -> None:
    with pytest.raises(TypeError, match=r'linear_recurrence has .* jacrev\(grad\(f\)\)'):
        jax.jvp(lambda a: linear_recurrence(a, X, START), (A,), (A,))
    for layer in (tl.GRU(3), tl.MinGRU(3)):
        layer.init(tl.signature(X))

        def total(x: Any, layer: Any = layer) -> Any:
            return (layer.pure_fn(x, layer.weights, (), None)[0] ** 2).sum()

        x = jnp.asarray(X[:1, :2])
        with pytest.raises(tl.LayerError, match=r'(?s)layer \w+_3.*no forward-mode derivative'):
            jax.jvp(total, (x,), (x,))
        second, epsilon = jax.jacrev(jax.grad(total))(x), 1e-2
        ends = (jax.grad(total)(x.at[0, 0, 0].add(e)) for e in (epsilon, -epsilon))
        difference = jnp.subtract(*ends) / (2 * epsilon)
        np.testing.assert_allclose(second[..., 0, 0, 0], difference, rtol=2e-2, atol=1e-4)
