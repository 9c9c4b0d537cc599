"""PerStepDense: its formula, and where its steps end."""

from typing import Any

import jax
import numpy as np
import pytest
from registry import make_loud
from tolerances import assert_close, assert_equal

from retrax import layers as tl

X = np.random.default_rng(0).normal(size=(2, 10, 4)).astype(np.float32)


@pytest.fixture(scope='module')
def layer() -> tl.Layer:
    made = tl.PerStepDense(8)
    made.init(tl.signature(X))
    return make_loud(made)


def test_formula(layer: tl.Layer) -> None:
    w, b = layer.weights
    assert w.size + b.size == 400
    expected = [X[:, t].astype(np.float64) @ np.float64(w[t]) + b[t] for t in range(10)]
    assert_close(layer(X), np.stack(expected, 1))
    assert_close(layer(X[:, :3]), np.stack(expected[:3], 1))


def test_predict_counts_the_steps_of_each_row(layer: tl.Layer) -> None:
    predict, whole = layer.as_mode('predict'), layer(X)
    assert_close(predict(X[:, :3]), whole[:, :3])
    assert_equal(predict.state, np.int32([3, 3]))
    predict.state = np.array([3, 7], np.int32)
    y = predict(np.stack([X[0, 3:6], X[1, 7:]]))
    assert_close(y, np.stack([whole[0, 3:6], whole[1, 7:]]))


def test_past_the_last_step(layer: tl.Layer) -> None:
    model = tl.Serial(tl.Relu(), layer)
    too_long = np.concatenate([X, X[:, :1]], 1)
    with pytest.raises(tl.LayerError, match='at most 10, which have weights, got 11') as caught:
        model(too_long)
    assert 'PerStepDense_8 at PerStepDense#1' in str(caught.value)
    predict = model.as_mode('predict')
    predict(X[:, :9])
    kept = predict.state
    with pytest.raises(tl.LayerError) as caught:
        predict(X[:, :2])
    assert (
        'the number of steps so far: expected numbers from 0 to 8, got 9. It is at [0]. With '
        'these 2 there are more steps than the 10 that have weights.'
    ) in str(caught.value)
    assert_equal(predict.state, kept)  # and nothing has changed
    assert np.isfinite(predict(X[:, 9:])).all()
    with pytest.raises(tl.LayerError, match='expected numbers from 0 to 9, got 10'):
        predict(X[:, :1])


def test_compiled_code_gives_nan_past_the_last_step(layer: tl.Layer) -> None:
    predict = layer.as_mode('predict')
    y, state = jax.jit(predict.pure_fn)(X[:, :3], predict.weights, np.array([0, 9], np.int32), None)
    assert np.isfinite(y[0]).all()
    assert_equal(np.isnan(y[1]).all(-1), np.array([False, True, True]))
    assert_equal(state, np.int32([3, 12]))


@pytest.mark.parametrize(
    ('make', 'text'),
    [
        (lambda: tl.PerStepDense(0), 'PerStepDense: n_units must be a positive int, got 0'),
        (lambda: tl.PerStepDense(8, 0), 'PerStepDense: n_steps must be a positive int, got 0'),
        (
            lambda: tl.PerStepDense(8).init(tl.ShapeDtype(('b', 't', 4))),
            "the number of steps: expected a number, got 't'. Each step has weights of its own: "
            'write PerStepDense(n_units, n_steps).',
        ),
        (
            lambda: tl.PerStepDense(8).init(tl.ShapeDtype((2, 4), np.int32)),
            'expected floats of shape (batch, time, features), got int32[2,4]',
        ),
    ],
)
def test_what_goes_wrong(make: Any, text: str) -> None:
    with pytest.raises((ValueError, tl.LayerError)) as caught:
        make()
    assert text in str(caught.value)
