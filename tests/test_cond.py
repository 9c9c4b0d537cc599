"""Cond: exactly one of two layers runs, and only its state moves on."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from registry import make_loud
from tolerances import assert_close, assert_equal

from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')

X = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
FLAG = tl.ShapeDtype((), bool)


def given() -> tl.Layer:
    """Takes the answer from the stack."""
    return tl.Fn('Given', lambda flag: flag)


def counted(counts: dict[str, int], name: str, layer: tl.Layer) -> tl.Layer:
    """A layer that counts how often it is computed, on the device."""

    def tell() -> None:
        counts[name] = counts.get(name, 0) + 1

    def count(x: Any) -> Any:
        jax.debug.callback(tell)
        return x

    return tl.Serial(tl.Fn('Count', count), layer)


def ready(model: tl.Layer) -> tl.Layer:
    model.init((FLAG, tl.signature(X)))
    return make_loud(model)


@pytest.mark.parametrize('flag', [True, False])
def test_one_layer_runs_and_its_state_moves_on(flag: bool) -> None:
    counts: dict[str, int] = {}
    true = counted(counts, 'true', tl.GRU(4, mode='predict'))
    false = counted(counts, 'false', tl.GRU(4, mode='predict'))
    model = ready(tl.Cond(given(), true, false))
    before = model.state
    y = model((flag, X))
    jax.effects_barrier()
    assert counts == {'true' if flag else 'false': 1}
    runs, rests = (1, 2) if flag else (2, 1)
    assert_equal(model.state[rests], before[rests])
    assert np.abs(jax.tree.leaves(model.state[runs])[0]).min() > 0
    assert_close(y, (true if flag else false).as_mode('eval')(X))


def test_the_answer_may_change_from_call_to_call_and_the_states_stay_apart() -> None:
    """Against two GRUs that stand alone, each stepped when its turn is."""
    one, two = tl.GRU(4, mode='predict'), tl.GRU(4, mode='predict')
    model = ready(tl.Cond(given(), one, two))
    alone = {True: tl.GRU(4), False: tl.GRU(4)}
    for flag, layer in ((True, one), (False, two)):
        alone[flag].init(tl.signature(X))
        alone[flag].weights = layer.weights
    views = {flag: layer.as_mode('predict') for flag, layer in alone.items()}
    random = np.random.default_rng(1)
    for flag in (True, False, False, True, False):
        x = random.normal(size=(2, 1, 4)).astype(np.float32)
        assert_close(model((flag, x)), views[flag](x))


def test_gradients_reach_the_layer_that_ran_and_no_other() -> None:
    model = ready(tl.Cond(given(), tl.Dense(4), tl.Dense(4)))

    def loss(weights: Any, flag: bool) -> Any:
        return jnp.sum(model.pure_fn((flag, X), weights, model.state, None)[0])

    _, true, false = jax.grad(loss)(model.weights, True)
    assert_close(true.b, np.full(4, 6.0))
    assert_equal(false, jax.tree.map(jnp.zeros_like, false))


def test_without_false_it_gives_its_inputs_back() -> None:
    model = tl.Cond(given(), tl.Swap())
    assert_equal(model((True, X, 2 * X)), (2 * X, X))
    assert_equal(model((False, X, 2 * X)), (X, 2 * X))


def test_in_a_series_the_rest_of_the_stack_stays_below() -> None:
    model = tl.Serial(tl.Cond(given(), tl.Fn('Double', lambda x: 2 * x)))
    assert_equal(model((True, X, X)), (2 * X, X))


def test_vmap_with_answers_that_differ() -> None:
    model = ready(tl.Cond(given(), tl.Dense(4), tl.Serial()))
    flags = np.array([True, False])
    y, _ = jax.vmap(lambda *x: model.pure_fn(x, model.weights, model.state, None))(flags, X)
    assert_close(y, np.stack([model((True, X[0])), X[1]]))


def fails(model: tl.Layer, *inputs: Any) -> str:
    with pytest.raises(tl.LayerError) as caught:
        model.init(tl.signature(inputs))
    with pytest.raises(tl.LayerError) as called:
        model(inputs)
    assert caught.value.cause == called.value.cause
    return caught.value.cause


def test_errors() -> None:
    with pytest.raises(ValueError, match='Cond: Dup, the condition, must give 1 output: 1 -> 2'):
        tl.Cond(tl.Dup(), tl.Dense(3))
    with pytest.raises(
        ValueError, match=re.escape('true is Add, 2 -> 1; false is Select[0,1], 2 -> 2')
    ):
        tl.Cond(given(), tl.Add())
    flags = np.array([True, False])
    assert 'gives bool[2], expected one boolean of shape (); reduce it' in fails(
        tl.Cond(given(), tl.Serial()), flags, X
    )
    half = tl.Fn('Half', lambda x: x / 2)
    assert 'true gives float32[2], false gives int32[2]' in fails(
        tl.Cond(given(), half), np.array(True), np.array([1, 2])
    )
    assert 'expected 2 inputs, got 3' in fails(tl.Cond(given(), half), np.array(True), X, X)
