"""The policy 'bf16' over recurrent layers and convolutions: it rounds products, not results."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from registry import CASES, Case, subject
from tolerances import assert_same_kind

from retrax import layers as tl
from retrax.inspection import laws
from retrax.models import GRULM
from retrax.training.step import build_step, new_train_state

OTHERS = ('GeneralGRUCell', 'ConvGRUCell', 'Conv1d', 'CausalConv', 'LocallyConnected1d')


def has_products(case: Case) -> bool:
    kinds = (tl.Recurrent, tl.RecurrentCell)
    return case.name.startswith(OTHERS) or isinstance(case.make(), kinds)


def results(case: Case, precision: str) -> Any:
    """Outputs, state after them, and gradients in the weights, of a whole sequence."""
    model: Any = subject(case).model.with_precision(precision).with_carry()
    x, state = case.draw(laws.ROWS, laws.STEPS), model.new_state(laws.ROWS)

    @jax.jit
    def run(weights: Any) -> Any:
        def loss(weights: Any) -> Any:
            y, after = model.pure_fn(x, weights, state, jax.random.PRNGKey(3))
            return sum(jnp.sum(jnp.sin(a)) for a in jax.tree.leaves(y)), (y, after)

        gradient, (y, after) = jax.grad(loss, has_aux=True)(weights)
        return y, after, gradient

    return run(model.weights)


@pytest.mark.parametrize('case', [c for c in CASES if has_products(c)], ids=lambda c: c.name)
def test_bf16_is_near_and_its_results_are_float32(case: Case) -> None:
    exact, rounded = results(case, 'float32'), results(case, 'bf16')
    assert_same_kind(rounded, exact)
    for a, b in zip(map(as_one, exact), map(as_one, rounded), strict=True):
        assert np.linalg.norm(a - b) <= 2e-2 * np.linalg.norm(a)
    assert (as_one(exact) != as_one(rounded)).any()


def as_one(tree: Any) -> np.ndarray:
    """All numbers of a tree side by side."""
    return np.concatenate([np.ravel(a) for a in jax.tree.leaves(tree)] or [np.zeros(0)])


def test_bf16_learns_what_float32_learns() -> None:
    """Thirty steps on one batch: the losses fall together, and end within 2 % of each other."""
    ids = np.random.default_rng(0).integers(1, 12, (4, 9))
    losses = {}
    for precision in ('float32', 'bf16'):
        model = GRULM(12, 16, 2, mode='train')
        model.init(tl.ShapeDtype(ids.shape, np.int32))
        model = model.with_precision(precision)
        optimizer = optax.adam(0.03)
        step = build_step(model, optimizer, tl.CrossEntropyLoss(), {})
        state = new_train_state(
            model.weights, optimizer, model.new_state(4), jax.random.PRNGKey(3), {}
        )
        totals = [0.0]
        for _ in range(30):
            state = step(state, ids, (ids, np.ones(ids.shape, np.float32)))
            totals.append(float(state.sums['loss']))
        losses[precision] = np.diff(totals)
    assert losses['float32'][-1] < 0.5 * losses['float32'][0]
    np.testing.assert_allclose(losses['bf16'][-1], losses['float32'][-1], rtol=2e-2)
