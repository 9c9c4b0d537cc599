"""Cells that are linear in their state: float64 formulas, and what Recurrent gives them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from registry import MeanCell, make_loud
from tolerances import assert_close, assert_equal

from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(3, 7, 4)).astype(np.float32)
LENGTHS = np.array([7, 4, 0], np.int32)


def ready(layer: tl.Layer, inputs: Any = X) -> tl.Layer:
    layer.init(tl.signature(inputs))
    return make_loud(layer)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def g(v: Any) -> Any:
    return np.where(v >= 0, v + 0.5, sigmoid(v))


# Each step as the docstrings write it: (x, h, weights) -> (y, h').


def sru(x: Any, c: Any, w: Any) -> Any:
    r, f, v = np.split(x @ w.w + w.b, 3, -1)
    c = sigmoid(f) * c + (1 - sigmoid(f)) * v
    return sigmoid(r) * np.tanh(c) + np.sqrt(3) * (1 - sigmoid(r)) * x, c


def min_gru(x: Any, h: Any, w: Any) -> Any:
    z, v = np.split(x @ w.w + w.b, 2, -1)
    h = (1 - sigmoid(z)) * h + sigmoid(z) * g(v)
    return h, h


def min_lstm(x: Any, h: Any, w: Any) -> Any:
    f, i, v = np.split(x @ w.w + w.b, 3, -1)
    f, i = sigmoid(f), sigmoid(i)
    h = f / (f + i) * h + i / (f + i) * g(v)
    return h, h


def rglru(x: Any, h: Any, w: Any) -> Any:
    r, i = np.split(sigmoid(x @ w.w + w.b), 2, -1)
    a = sigmoid(w.decay) ** (8 * r)
    h = a * h + np.sqrt(1 - a**2) * (i * x)
    return h, h


CELLS = {
    'SRU': (lambda: tl.SRUCell(4, jnp.tanh), sru),
    'MinGRU': (lambda: tl.MinGRUCell(4), min_gru),
    'MinLSTM': (lambda: tl.MinLSTMCell(4), min_lstm),
    'RGLRU': (lambda: tl.RGLRUCell(4), rglru),
}


@pytest.mark.parametrize('cell', CELLS)
def test_formula(cell: str) -> None:
    make, step = CELLS[cell]
    start = RANDOM.normal(size=(3, 4)).astype(np.float32)
    layer = tl.Recurrent(make(), initial_state='stack', return_state=True)
    ready(layer, (X, start))
    weights = jax.tree.map(lambda w: np.asarray(w, np.float64), layer.weights)
    h, expected = start.astype(np.float64), []
    for t in range(7):
        y, h = step(X[:, t].astype(np.float64), h, weights)
        expected.append(y)
    assert_close(layer((X, start)), (np.stack(expected, 1), h))
    alone = make()
    alone.init(tl.signature((X[:, 0], start)))
    alone.weights = layer.weights
    assert_close(alone((X[:, 0], start))[0], expected[0])


@pytest.mark.parametrize('reverse', [False, True])
@pytest.mark.parametrize('cell', CELLS)
def test_rows_with_lengths_are_as_if_they_were_alone(cell: str, reverse: bool) -> None:
    make, _ = CELLS[cell]
    options: Any = {'reverse': reverse, 'return_state': True}
    layer = ready(tl.Recurrent(make(), padding='lengths', **options), (X, LENGTHS))
    alone = tl.Recurrent(make(), **options)
    alone.weights = layer.weights
    y, last = layer((X, LENGTHS))
    for row, n in enumerate(LENGTHS[:2]):
        y_alone, last_alone = alone(X[row : row + 1, :n])
        assert_close(y[row, :n], y_alone[0])
        assert_close(last[row], last_alone[0])
    assert_equal(last[2], np.zeros(4, np.float32))
    padding = np.arange(7)[None] >= LENGTHS[:, None]
    other = np.where(padding[..., None], np.nan, X).astype(np.float32)
    assert_equal(layer((other, LENGTHS)), (y, last))


def test_an_output_that_reads_x_reads_zeros_in_padding() -> None:
    layer = ready(tl.Recurrent(tl.SRUCell(4), padding='lengths', return_state=True), (X, LENGTHS))
    y, last = layer((X, LENGTHS))
    b = np.asarray(layer.weights.b, np.float64)
    assert_close(y[1, 4:], np.broadcast_to(sigmoid(b[:4]) * last[1], (3, 4)))


@pytest.mark.parametrize('padding', [None, 'mask'])
def test_resets_begin_the_sequence_anew(padding: Any) -> None:
    flags = np.zeros((3, 7), bool)
    flags[:, 3] = True
    mask = np.ones((3, 7), bool)
    mask[:, 3] = padding is None  # a reset in the padding counts, too
    inputs = (X, flags) if padding is None else (X, mask, flags)
    start = RANDOM.normal(size=4).astype(np.float32)
    layer = tl.Recurrent(tl.MinGRUCell(4), padding=padding, resets=True, initial_state=start)
    ready(layer, inputs)
    alone = tl.Recurrent(tl.MinGRUCell(4), initial_state=start)
    alone.weights = layer.weights
    second = alone(X[:, 3 + (padding is not None) :])
    assert_close(layer(inputs)[:, :3], alone(X[:, :3]))
    assert_close(layer(inputs)[:, 7 - second.shape[1] :], second)


def test_zoneout_keeps_old_values_in_training_and_their_mean_in_eval() -> None:
    layer = ready(tl.Recurrent(tl.MinGRUCell(64), zoneout=0.3))
    whole = tl.Recurrent(tl.MinGRUCell(64))
    whole.weights = layer.weights
    first, y = whole(X[:, :1]), layer(X[:, :1], rng=jax.random.key(0))
    kept = np.asarray(y == 0)  # the state before was 0
    assert 0.2 < kept.mean() < 0.4
    assert_close(np.where(kept, 0, first), y)
    assert_close(layer.as_mode('eval')(X[:, :1]), 0.7 * first)


def test_remat_gives_the_same_gradients() -> None:
    def gradients(remat: bool) -> Any:
        layer = ready(tl.Recurrent(tl.SRUCell(4, jnp.tanh), remat=remat))
        return jax.grad(lambda w: jnp.sum(layer.pure_fn(X, w, (), None)[0] ** 2))(layer.weights)

    assert_close(gradients(True), gradients(False))


def test_scan_runs_linear_cells_at_once() -> None:
    start = np.zeros((3, 4), np.float32)
    scan = ready(tl.Scan(tl.MinGRUCell(4), axis=1), (X, start))
    layer = tl.MinGRU(4)
    layer.weights = scan.weights[0]
    assert_close(scan((X, start))[0], layer(X))


def test_sru_is_the_scan_of_its_inner_cell() -> None:
    layer, start = ready(tl.SRU(4)), np.zeros((3, 4), np.float32)
    r, f, v = np.split(X @ np.asarray(layer.weights.w) + np.asarray(layer.weights.b), 3, -1)
    r, f = sigmoid(r), sigmoid(f)
    c, last = tl.ScanSRUCell()(((1 - f) * v, f, start))
    assert_close(layer(X), r * c + (1 - r) * X * np.sqrt(3))
    assert_equal(last, c[:, -1])


def test_a_users_linear_cell_is_its_formula() -> None:
    layer = ready(tl.Recurrent(MeanCell(3)))
    v = np.tanh(X.astype(np.float64) @ np.asarray(layer.weights.value_kernel, np.float64))
    h, expected = np.zeros((3, 3)), []
    for t in range(7):
        h = 0.75 * h + v[:, t]
        expected.append(np.sin(h))
    assert_close(layer(X), np.stack(expected, 1))


# The edges of the formulas.


def test_gates_that_are_shut_stay_finite() -> None:
    """sigmoid(-200) is 0 in float32: f / (f + i) would be 0 / 0, and 1 - a^2 is 0."""
    x = np.ones((1, 3, 1), np.float32)
    weights = {
        tl.MinLSTM: tl.MinLSTMWeights(np.zeros((1, 3), 'f'), np.array([-200, -201, 1], 'f')),
        tl.RGLRU: tl.RGLRUWeights(
            np.zeros((1, 2), 'f'), np.array([-200, 0], 'f'), np.array([3], 'f')
        ),
    }
    for make, w in weights.items():
        layer = make(1)
        layer.init(tl.signature(x))
        value, gradient = jax.value_and_grad(
            lambda w, layer=layer: layer.pure_fn(x, w, (), None)[0].sum()
        )(w)
        assert np.isfinite(value)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    lstm = tl.MinLSTM(1)
    lstm.init(tl.signature(x))
    lstm.weights = weights[tl.MinLSTM]
    assert_close(lstm(x)[0, 0, 0], 1.5 * sigmoid(-1.0))


def test_an_rglru_remembers_at_first() -> None:
    """sigmoid(decay)^8 lies between 0.9 and 0.999 (section 2.4)."""
    layer = tl.RGLRU(500)
    weights, _ = layer.init(tl.ShapeDtype((1, 2, 500)))
    a8 = sigmoid(np.asarray(weights.decay, np.float64)) ** 8
    assert 0.9 <= a8.min() < 0.905
    assert 0.994 < a8.max() <= 0.9991


# What goes wrong.


@pytest.mark.parametrize('make', [tl.SRU, tl.RGLRU])
def test_inputs_of_another_width(make: Any) -> None:
    with pytest.raises(tl.LayerError) as caught:
        make(8).init(tl.signature(X))
    assert 'expected 8, the n_units of' in str(caught.value)
    assert 'got 4. Put a Dense(8) before it.' in str(caught.value)


@pytest.mark.parametrize(
    ('make', 'text'),
    [
        (
            lambda: tl.Recurrent(tl.SRUCell(3), recurrent_dropout=0.5),
            'recurrent_dropout: expected 0, as this cell has no products with its state, got 0.5',
        ),
        (lambda: tl.SRU(3, tl.Dense(3)), 'SRU: the activation: expected a function of an array'),
        (lambda: tl.SRU(3, 'tanh'), "such as Tanh(), got 'tanh'"),
        (lambda: tl.SRU(0), 'SRU: n_units must be a positive int, got 0'),
        (lambda: tl.MinGRU(0), 'MinGRU: n_units must be a positive int, got 0'),
        (lambda: tl.MinLSTM(1.5), 'MinLSTM: n_units must be a positive int, got 1.5'),
        (lambda: tl.RGLRU('8'), "RGLRU: n_units must be a positive int, got '8'. Write 8"),
    ],
)
def test_arguments_that_do_not_fit(make: Any, text: str) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    assert text in str(caught.value)
