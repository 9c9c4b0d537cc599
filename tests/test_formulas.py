"""Law 12: what the docstrings promise as formulas, against NumPy in float64."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from registry import make_loud
from tolerances import assert_close, assert_equal

from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(3, 5, 4)).astype(np.float32)
TARGETS = RANDOM.integers(0, 4, (3, 5)).astype(np.int32)
WEIGHTS = RANDOM.uniform(0, 1, (3, 5)).astype(np.float32)


def wide(a: Any) -> Any:
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), a)


def ready(layer: tl.Layer, x: Any) -> tl.Layer:
    layer.init(tl.signature(x))
    return make_loud(layer)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def gru_step(x: np.ndarray, h: np.ndarray, weights: Any) -> np.ndarray:
    """u, r = split(sigmoid([x, h] w1 + b1)); c = tanh([x, r h] w2 + b2); u h + (1 - u) c."""
    w1, b1, w2, b2 = wide(weights)
    u, r = np.split(sigmoid(np.concatenate([x, h], -1) @ w1 + b1), 2, -1)
    c = np.tanh(np.concatenate([x, r * h], -1) @ w2 + b2)
    return u * h + (1 - u) * c


def lstm_step(x: np.ndarray, state: np.ndarray, weights: Any) -> np.ndarray:
    """i, j, f, o = split([x, h] w + b); c' = c sigmoid(f) + sigmoid(i) tanh(j), h' = ..."""
    w, b = wide(weights)
    c, h = np.split(state, 2, -1)
    i, j, f, o = np.split(np.concatenate([x, h], -1) @ w + b, 4, -1)
    c = c * sigmoid(f) + sigmoid(i) * np.tanh(j)
    return np.concatenate([c, np.tanh(c) * sigmoid(o)], -1)


def log_softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    x = x - x.max(axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis, keepdims=True))


def test_gru_cell() -> None:
    x, h = X[:, 0], RANDOM.normal(size=(3, 6)).astype(np.float32)
    cell = ready(tl.GRUCell(6), (x, h))
    new, carry = cell((x, h))
    assert_close(new, gru_step(wide(x), wide(h), cell.weights))
    assert_equal(new, carry)


@pytest.mark.parametrize('n_units', [2, 4, 6])
def test_gru(n_units: int) -> None:
    layer = ready(tl.GRU(n_units), X)
    h, expected = np.zeros((3, n_units)), []
    for t in range(X.shape[1]):
        h = gru_step(wide(X[:, t]), h, layer.weights)
        expected.append(h)
    assert_close(layer(X), np.stack(expected, 1))


def test_forget_bias_goes_to_both_gates() -> None:
    layer = tl.GRU(2, forget_bias=3.0, bias_initializer=tl.ZerosInitializer())
    weights, _ = layer.init(tl.signature(X))
    assert_equal(weights.b1, jnp.full(4, 3.0))
    assert_equal(weights.b2, jnp.zeros(2))


def test_lstm_cell() -> None:
    x, state = X[:, 0], RANDOM.normal(size=(3, 12)).astype(np.float32)
    cell = ready(tl.LSTMCell(6), (x, state))
    h, new = cell((x, state))
    assert_close(new, lstm_step(wide(x), wide(state), cell.weights))
    assert_equal(h, new[:, 6:])


def test_peephole_lstm_cell() -> None:
    x, state = X[:, 0], RANDOM.normal(size=(3, 12)).astype(np.float32)
    cell = ready(tl.PeepholeLSTMCell(6), (x, state))
    w, b, (p_i, p_f, p_o) = wide(cell.weights)
    c, h = np.split(wide(state), 2, -1)
    i, j, f, o = np.split(np.concatenate([wide(x), h], -1) @ w + b, 4, -1)
    new = c * sigmoid(f + p_f * c) + sigmoid(i + p_i * c) * np.tanh(j)
    y, after = cell((x, state))
    assert_close(y, np.tanh(new) * sigmoid(o + p_o * new))
    assert_close(after, np.concatenate([new, y], -1))


@pytest.mark.parametrize('n_units', [2, 4, 6])
def test_lstm(n_units: int) -> None:
    start = RANDOM.normal(size=(3, 2 * n_units)).astype(np.float32)
    layer = ready(tl.LSTM(n_units, return_state=True, initial_state=True), (X, start))
    from_zeros = tl.LSTM(n_units)
    from_zeros.init(tl.signature(X))
    from_zeros.weights = layer.weights
    for first in (start, np.zeros_like(start)):
        state, expected = wide(first), []
        for t in range(X.shape[1]):
            state = lstm_step(wide(X[:, t]), state, layer.weights)
            expected.append(state[:, n_units:])
        y, last = layer((X, first))
        assert_close(y, np.stack(expected, 1))
        assert_close(last, state)
    assert_close(from_zeros(X), y)


@pytest.mark.parametrize('make', [tl.LSTM, lambda n, **kwargs: tl.LSTMCell(n, **kwargs)])
def test_forget_bias_of_an_lstm_goes_to_all_gates(make: Any) -> None:
    layer = make(2, forget_bias=3.0, bias_initializer=tl.ZerosInitializer())
    x = tl.signature(X)
    weights, _ = layer.init(x if layer.n_in == 1 else (x, tl.ShapeDtype((3, 5, 4))))
    assert_equal(weights.b, jnp.full(8, 3.0))


@pytest.mark.parametrize('multiplier', [1, 3])
def test_make_zero_state(multiplier: int) -> None:
    assert_equal(tl.MakeZeroState(multiplier)(X), jnp.zeros((3, 4 * multiplier)))


@pytest.mark.parametrize('shape', [(4,), (3, 4), (2, 3, 4), (2, 1, 3, 4)])
def test_dense(shape: tuple[int, ...]) -> None:
    x = RANDOM.normal(size=shape).astype(np.float32)
    layer = ready(tl.Dense(3), x)
    w, b = wide(layer.weights)
    assert_close(layer(x), wide(x) @ w + b)


def test_dense_without_bias() -> None:
    layer = ready(tl.Dense(3, use_bias=False), X)
    assert_close(layer(X), wide(X) @ wide(layer.weights))


def test_dense_in_bfloat16() -> None:
    layer = tl.Dense(3, use_bfloat16=True)
    weights, _ = layer.init(tl.signature(X))
    assert {w.dtype for w in weights} == {jnp.dtype(jnp.bfloat16)}
    w, b = wide(weights)
    assert_close(layer(X), wide(X) @ w + b, 2000)


@pytest.mark.parametrize('dtype', [np.int32, np.uint8, np.int64])
def test_embedding(dtype: Any) -> None:
    ids = TARGETS.astype(dtype)
    layer = ready(tl.Embedding(4, 6), TARGETS)
    assert_equal(layer(ids), layer.weights[TARGETS])


@pytest.mark.parametrize('n', [1, 2, 5, 7])
def test_shift_right(n: int) -> None:
    """y_t = x_(t-n), and the start id for t < n."""
    expected = np.full_like(X, 9)
    for t in range(n, X.shape[1]):
        expected[:, t] = X[:, t - n]
    out = tl.ShiftRight(n, start_id=9)(X)
    assert_equal(out, jnp.asarray(expected))
    assert tl.ShiftRight(n)(TARGETS).dtype == jnp.int32


@pytest.mark.parametrize('axis', [-1, 0, 1])
def test_softmax(axis: int) -> None:
    large = 1e4 * X
    for x in (X, large, np.zeros_like(X)):
        expected = log_softmax(wide(x), axis)
        assert_close(tl.LogSoftmax(axis=axis)(x), expected)
        assert_close(tl.Softmax(axis=axis)(x), np.exp(expected))


def test_cross_entropy_loss() -> None:
    x = log_softmax(wide(X))
    picked = np.take_along_axis(x, TARGETS[..., None], -1)[..., 0]
    expected = -(picked * WEIGHTS).sum() / wide(WEIGHTS).sum()
    inputs = (x.astype(np.float32), TARGETS, WEIGHTS)
    assert_close(tl.CrossEntropyLoss()(inputs), expected)
    assert_close(tl.WeightedCategoryCrossEntropy()((X, TARGETS, WEIGHTS)), expected)


@pytest.mark.parametrize('e', [0.0, 0.1, 1.0])
def test_label_smoothing(e: float) -> None:
    p = (1 - e) * np.eye(4)[TARGETS] + e / 4
    losses = -(p * log_softmax(wide(X))).sum(-1)
    expected = (losses * WEIGHTS).sum() / wide(WEIGHTS).sum()
    loss = tl.WeightedCategoryCrossEntropy(label_smoothing=e)
    assert_close(loss((X, TARGETS, WEIGHTS)), expected)


def test_losses_broadcast_weights_of_rows() -> None:
    rows = WEIGHTS[:, :1]
    full = np.broadcast_to(rows, WEIGHTS.shape)
    loss = tl.WeightedCategoryCrossEntropy()
    assert_close(loss((X, TARGETS, rows)), loss((X, TARGETS, np.array(full))))


@pytest.mark.parametrize('make', [tl.Accuracy, tl.WeightedCategoryAccuracy])
def test_accuracy(make: Any) -> None:
    right = X.argmax(-1) == TARGETS
    expected = (right * wide(WEIGHTS)).sum() / wide(WEIGHTS).sum()
    assert_close(make()((X, TARGETS, WEIGHTS)), expected)


def test_arithmetic_of_the_stack() -> None:
    a, b, c = X, X[::-1], X[:, ::-1]
    assert_close(tl.Add()((a, b)), wide(a) + b)
    assert_close(tl.SubtractTop()((a, b)), wide(b) - a)
    assert_close(tl.Multiply()((a, b)), wide(a) * b)
    assert_close(tl.Gate()((a, b, c)), wide(b) * a + (1 - wide(b)) * c)
    for axis in (-1, 0, 1):
        assert_equal(tl.Concatenate(axis=axis)((a, b)), jnp.concatenate([a, b], axis))
    for part, expected in zip(tl.Split(2)(X), np.split(X, 2, -1), strict=True):
        assert_equal(part, jnp.asarray(expected))
    flat = tl.FlattenList()((a, (b, [c, (a,)])))
    assert len(flat) == 4


def test_scan_is_a_loop() -> None:
    """Scan(add)([1, 2, 3], 0) = [1, 3, 6], 6."""
    add = tl.Fn('Add', lambda x, c: (x + c, x + c), n_out=2)
    ys, last = tl.Scan(add)((jnp.array([1, 2, 3]), jnp.array(0)))
    assert ys.tolist() == [1, 3, 6]
    assert int(last) == 6
    ys, last = tl.Scan(add, axis=1)((X, np.zeros((3, 4), np.float32)))
    assert_close(ys, np.cumsum(wide(X), 1))
    assert_close(last, wide(X).sum(1))


# ------------------------------------------------------------------------------------- random

N = 400  # a matrix of 400 x 100 has 40,000 numbers: its variance is known to some 0.7 %
SHAPE = (N, 100)

VARIANCES = [
    (tl.RandomNormalInitializer(0.5), 0.25, None),
    (tl.RandomUniformInitializer(0.5), 0.25 / 3, 0.5),
    (tl.GlorotNormalInitializer(), 2 / 500, None),
    (tl.GlorotUniformInitializer(), 2 / 500, math.sqrt(6 / 500)),
    (tl.GlorotUniformInitializer(scale=4.0), 8 / 500, math.sqrt(24 / 500)),
    (tl.LeCunNormalInitializer(), 1 / 400, None),
    (tl.LeCunUniformInitializer(), 1 / 400, math.sqrt(3 / 400)),
    (tl.KaimingNormalInitializer(), 2 / 400, None),
    (tl.KaimingUniformInitializer(param=2.0), 2 / (5 * 400), math.sqrt(6 / 2000)),
    (tl.ScaledInitializer(mode='fan_out', distribution='normal'), 1 / 100, None),
    (tl.ScaledInitializer(in_dim=-1, out_dim=-2, mode='fan_out'), 1 / 400, None),
    (
        tl.ScaledInitializer(mode='fan_in', distribution='truncated_normal'),
        1 / 400,
        2 / 20 / 0.87962566,
    ),
]


@pytest.mark.parametrize(('initializer', 'variance', 'limit'), VARIANCES)
def test_variance_mean_and_range(initializer: Any, variance: float, limit: float | None) -> None:
    draw = wide(initializer(SHAPE, jax.random.PRNGKey(0)))
    deviation = math.sqrt(variance)
    assert draw.shape == SHAPE
    assert abs(draw.var() / variance - 1) < 0.04
    assert abs(draw.mean()) < 5 * deviation / math.sqrt(draw.size)
    if limit is not None:
        assert 0.98 * limit < np.abs(draw).max() <= limit * (1 + 1e-6)
    else:
        assert np.abs(draw).max() > 3 * deviation


def test_the_receptive_field_counts() -> None:
    """A convolution's kernel (3, 3, in, out) has fans of nine times its channels."""
    draw = wide(tl.LeCunNormalInitializer()((3, 3, 50, 80), jax.random.PRNGKey(0)))
    assert abs(draw.var() * 9 * 50 - 1) < 0.04


def test_zeros_and_files(tmp_path: Any) -> None:
    key = jax.random.PRNGKey(0)
    assert_equal(tl.ZerosInitializer()((2, 3), key), jnp.zeros((2, 3)))
    np.save(tmp_path / 'w.npy', X)
    read = tl.InitializerFromFile(str(tmp_path / 'w.npy'))
    assert_equal(read(X.shape, key), jnp.asarray(X))
    with pytest.raises(ValueError, match=r'w\.npy: expected shape \(2, 3\), got \(3, 5, 4\)'):
        read((2, 3), key)


@pytest.mark.parametrize('shape', [(6, 4), (4, 6), (2, 3, 4), (5, 5)])
def test_orthogonal(shape: tuple[int, ...]) -> None:
    draw = wide(tl.OrthogonalInitializer(2.0)(shape, jax.random.PRNGKey(1)))
    flat = draw.reshape(-1, shape[-1]) / 2
    gram = flat.T @ flat if flat.shape[0] >= flat.shape[1] else flat @ flat.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-5)


@pytest.mark.parametrize('rate', [0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean(rate: float) -> None:
    """Values are 0 or x / (1 - rate); a share of `rate` is 0, to 5 deviations of a count."""
    x = np.full((200, 200), 3.0, np.float32)
    out = wide(tl.Dropout(rate, mode='train')(x))
    kept = out != 0
    np.testing.assert_allclose(out[kept], 3 / (1 - rate), rtol=1e-6)
    deviation = math.sqrt(rate * (1 - rate) / x.size)
    assert abs((1 - kept.mean()) - rate) < 5 * deviation
    assert abs(out.mean() / 3 - 1) < 5 * deviation / (1 - rate)


def test_dropout_with_shared_axes() -> None:
    out = np.asarray(tl.Dropout(0.5, shared_axes=[0, -1], mode='train')(np.ones_like(X)))
    assert_equal(out, np.broadcast_to(out[:1, :, :1], X.shape).copy())


@pytest.mark.parametrize('mode', ['eval', 'predict'])
def test_dropout_is_the_identity_elsewhere(mode: str) -> None:
    assert_equal(tl.Dropout(0.9, mode=mode)(X), jnp.asarray(X))
    assert_equal(tl.Dropout(0.0, mode='train')(X), jnp.asarray(X))
