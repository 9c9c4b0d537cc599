"""Bidirectional: two layers with weights of their own, and no steps."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from registry import make_loud
from tolerances import assert_close, assert_equal

from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')

X = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)


def ready(model: tl.Layer) -> tl.Layer:
    model.init(tl.signature(X))
    return make_loud(model)


def gru(x: np.ndarray, weights: Any) -> np.ndarray:
    w1, b1, w2, b2 = (np.asarray(w, np.float64) for w in weights)
    h, ys = np.zeros((x.shape[0], len(b2))), []
    for t in range(x.shape[1]):
        u, r = np.split(1 / (1 + np.exp(-(np.concatenate([x[:, t], h], -1) @ w1 + b1))), 2, -1)
        h = u * h + (1 - u) * np.tanh(np.concatenate([x[:, t], r * h], -1) @ w2 + b2)
        ys.append(h)
    return np.stack(ys, 1)


def test_formula() -> None:
    model = ready(tl.Bidirectional(tl.GRU(4)))
    there, back = (leaf for leaf in tl.leaves(model) if isinstance(leaf, tl.Recurrent))
    x = X.astype(np.float64)
    expected = [gru(x, there.weights), gru(x[:, ::-1], back.weights)[:, ::-1]]
    assert_close(model.as_mode('eval')(X), np.concatenate(expected, -1))


def test_the_directions_have_weights_of_their_own() -> None:
    model = tl.Bidirectional(tl.GRU(4))
    model.init(tl.signature(X))
    weights = list(model.named_weights().values())
    assert len(weights) == 8
    for one, two in zip(weights[:4], weights[4:], strict=True):
        assert one.shape == two.shape
        assert not np.array_equal(one, two)


def test_trained_weights_stay_with_the_layer_that_has_them() -> None:
    """Only the backward layer's are made: the first call finds the forward layer trained."""
    trained = tl.GRU(4)
    trained.init(tl.signature(X), rng=7)
    before = trained.weights
    model = tl.Bidirectional(trained)
    model(X)
    there, back = (leaf for leaf in tl.leaves(model) if isinstance(leaf, tl.Recurrent))
    assert there is trained
    assert_equal(there.weights, before)
    assert not np.array_equal(back.weights.w1, before.w1)


def test_what_is_shared_within_stays_shared_within_each_direction() -> None:
    gru = tl.GRU(3)
    model = ready(tl.Bidirectional(tl.Serial(gru, tl.Dense(3), gru)))
    assert len(model.named_weights()) == 2 * 6


@pytest.mark.parametrize('told', [None, 'eval', 'predict'])
def test_predict_reads_the_whole_input_at_every_call(told: str | None) -> None:
    model = ready(tl.Bidirectional(tl.GRU(4, mode=told)))
    expected = model.as_mode('eval')(X)
    view = model.as_mode('predict')
    assert not jax.tree.leaves(view.new_state(2))
    assert_equal(view(X), expected)
    assert_equal(view(X), expected)
    if told == 'predict':
        assert_equal(model(X), expected)


def test_carry_ends_at_the_door() -> None:
    """The backward layer's end of one window is no start for the next."""
    model = ready(tl.Serial(tl.Bidirectional(tl.GRU(4)), tl.GRU(2)))
    view = model.as_mode('eval').with_carry()
    both = model.sublayers[0].as_mode('eval')
    state = view.new_state(2)
    assert len(jax.tree.leaves(state)) == 1
    y, state = view.pure_fn(X[:, :3], view.weights, state, None)
    z, _ = view.pure_fn(X[:, 3:], view.weights, state, None)
    inside = np.concatenate([both(X[:, :3]), both(X[:, 3:])], 1)
    expected = model.sublayers[1].as_mode('eval')(inside)
    assert_close(jnp.concatenate([y, z], 1), expected)


def test_inside_a_model_of_several_inputs_nobody_is_warned() -> None:
    """It does not step in any case, so there is nothing to say."""
    model = tl.Parallel(tl.Bidirectional(tl.GRU(4)), tl.ShiftRight(mode='predict'))
    y, _ = model((X, X))
    assert y.shape == (2, 5, 8)


def test_merge_layer_must_take_both() -> None:
    pair = tl.Serial(tl.GRU(4), tl.Dup())
    with pytest.raises(
        ValueError,
        match='Bidirectional: Serial has 2 outputs in each direction, so merge_layer must take 4; '
        'Concatenate takes 2',
    ):
        tl.Bidirectional(pair)
    model = ready(tl.Bidirectional(pair, merge_layer=tl.Concatenate(4)))
    assert model(X).shape == (2, 5, 16)
