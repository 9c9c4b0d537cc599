"""LayerNormalized: cells with normalised gates, against float64 NumPy."""

from typing import Any

import jax
import numpy as np
import pytest
from registry import LeakyCell, make_loud
from tolerances import assert_close, assert_equal

from retrax import layers as tl

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(3, 5, 4)).astype(np.float32)


def ready(cell: tl.RecurrentCell) -> tl.Layer:
    layer = tl.Recurrent(cell)
    layer.init(tl.signature(X))
    return make_loud(layer)


def wide(layer: tl.Layer) -> dict[str, np.ndarray]:
    return {name: np.asarray(w, np.float64) for name, w in layer.weights._asdict().items()}


def normal(a: np.ndarray, gates: int) -> np.ndarray:
    a = a.reshape(len(a), gates, -1)
    a = a - a.mean(-1, keepdims=True)
    return (a / np.sqrt((a**2).mean(-1, keepdims=True) + 1e-6)).reshape(len(a), -1)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def test_an_lstm_is_its_formula() -> None:
    layer = ready(tl.LayerNormalized(tl.LSTMCell(3)))
    w, c, h, expected = wide(layer), np.zeros((3, 3)), np.zeros((3, 3)), []
    for t in range(5):
        a = normal(np.concatenate([X[:, t], h], -1) @ w['gates_kernel'], 4)
        i, j, f, o = np.split(a * w['gates_gain'] + w['gates_bias'], 4, -1)
        c = c * sigmoid(f) + sigmoid(i) * np.tanh(j)
        h = np.tanh(c) * sigmoid(o)
        expected.append(h)
    assert_close(layer(X), np.stack(expected, 1))


def test_a_gru_is_its_formula() -> None:
    layer = ready(tl.LayerNormalized(tl.GRUCell(3)))
    w, h, expected = wide(layer), np.zeros((3, 3)), []
    for t in range(5):
        a = normal(np.concatenate([X[:, t], h], -1) @ w['gates_kernel'], 2)
        u, r = np.split(sigmoid(a * w['gates_gain'] + w['gates_bias']), 2, -1)
        a = normal(np.concatenate([X[:, t], r * h], -1) @ w['candidate_kernel'], 1)
        c = np.tanh(a * w['candidate_gain'] + w['candidate_bias'])
        h = u * h + (1 - u) * c
        expected.append(h)
    assert_close(layer(X), np.stack(expected, 1))


@pytest.mark.parametrize('cell', [lambda: tl.GRUCell(3, reset='after'), lambda: LeakyCell(3)])
def test_neither_the_size_nor_the_mean_of_a_map_matters(cell: Any) -> None:
    layer = ready(tl.LayerNormalized(cell(), epsilon=1e-30))
    y, w = layer(X), layer.weights

    def other(kernel: Any) -> Any:
        """Makes a map give 8 times as much, and the same number more to all units of a gate."""
        return 8 * kernel + RANDOM.normal(size=(len(kernel), 1)).astype(np.float32)

    kernels = {k: other(v) for k, v in w._asdict().items() if k.endswith('kernel')}
    layer.weights = w._replace(**kernels)
    assert_close(layer(X), y, 20)


def test_forget_bias_is_in_the_new_biases() -> None:
    cell = tl.LayerNormalized(tl.LSTMCell(3, forget_bias=2.0))
    layer = tl.Recurrent(cell)
    weights, _ = layer.init(tl.signature(X))
    assert_equal(np.asarray(weights.gates_bias), np.full(12, 2, np.float32))
    assert_equal(np.asarray(weights.gates_gain), np.ones(12, np.float32))


def test_params_of_the_cell_within_are_kept() -> None:
    class Scaled(tl.RecurrentCell):
        def maps(self):
            return {'sum': tl.Map(self.n_units)}

        def new_params(self, d, context):
            return {'scale': np.full(self.n_units, 3, np.float32)}

        def step(self, state, affine, *params):
            (scale,) = params
            return scale[None] * affine('sum', state, jax.nn.sigmoid)

    layer = ready(tl.LayerNormalized(Scaled(3)))
    assert layer.weights._fields == ('sum_kernel', 'scale', 'sum_gain', 'sum_bias')
    w = wide(layer)
    a = normal(np.concatenate([X[:, 0], np.zeros((3, 3))], -1) @ w['sum_kernel'], 1)
    assert_close(layer(X)[:, 0], w['scale'] * sigmoid(a * w['sum_gain'] + w['sum_bias']))


@pytest.mark.parametrize('cell', [tl.Dense(3), tl.MinGRUCell(3)])
def test_cells_without_a_step_are_refused(cell: Any) -> None:
    with pytest.raises(ValueError, match='the cell: expected a RecurrentCell with a step, such'):
        tl.LayerNormalized(cell)
