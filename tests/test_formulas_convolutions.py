"""Law 12 for convolutions and the recurrent cell of them: float64 NumPy, window by window."""

from typing import Any

import numpy as np
import pytest
from registry import make_loud
from tolerances import assert_close

from retrax import layers as tl

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(2, 5, 6, 3)).astype(np.float32)


def ready(layer: tl.Layer, x: Any) -> tl.Layer:
    layer.init(tl.signature(x))
    return make_loud(layer)


def same(x: np.ndarray, kernel: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """The input with zeros around it, the odd one behind: ceil(size / stride) windows fit."""
    around = [(0, 0)]
    for size, k, s in zip(x.shape[1:], kernel, strides, strict=False):
        total = max((-(-size // s) - 1) * s + k - size, 0)
        around.append((total // 2, total - total // 2))
    return np.pad(x, [*around, (0, 0)])


def conv(x: np.ndarray, w: np.ndarray, b: Any, strides: tuple[int, ...]) -> np.ndarray:
    """y_ij = sum_kl x_(s i + k, s j + l) w_kl + b, for x (b, h, w, d)."""
    (k, m), (s, r) = w.shape[:2], strides
    rows, columns = (x.shape[1] - k) // s + 1, (x.shape[2] - m) // r + 1
    y = np.zeros((x.shape[0], rows, columns, w.shape[3]))
    for i in range(rows):
        for j in range(columns):
            window = x[:, s * i : s * i + k, r * j : r * j + m]
            y[:, i, j] = np.einsum('bkld,kldn->bn', window, w) + b
    return y


def wide(layer: tl.Layer) -> list[np.ndarray]:
    weights = layer.weights if isinstance(layer.weights, tuple) else (layer.weights,)
    return [np.asarray(w, np.float64) for w in weights]


@pytest.mark.parametrize('strides', [None, (2, 1), (2, 3)])
@pytest.mark.parametrize('kernel', [(1, 1), (2, 3), (4, 2)])
@pytest.mark.parametrize('padding', ['VALID', 'SAME'])
def test_conv(padding: str, kernel: Any, strides: Any) -> None:
    layer = ready(tl.Conv(4, kernel, strides, padding), X)
    w, b = wide(layer)
    strides, x = strides or (1, 1), X.astype(np.float64)
    x = same(x, kernel, strides) if padding == 'SAME' else x
    assert_close(layer(X), conv(x, w, b, strides))


def test_conv_without_bias_over_more_batch_axes() -> None:
    x = RANDOM.normal(size=(2, 3, 4, 5, 2)).astype(np.float32)
    layer = ready(tl.Conv(4, (2, 2), use_bias=False), x)
    (w,) = wide(layer)
    for i in range(2):
        assert_close(layer(x)[i], conv(x[i].astype(np.float64), w, 0, (1, 1)))


def test_conv_with_channels_first() -> None:
    layer = ready(tl.Conv(4, (2, 3), dimension_numbers=('NHWC', 'HWIO', 'NHWC')), X)
    first = tl.Conv(4, (2, 3), dimension_numbers=('NCHW', 'OIHW', 'NCHW'))
    first.init(tl.signature(X.transpose(0, 3, 1, 2)))
    assert first.weights.b.shape == (4, 1, 1)
    w, b = layer.weights
    first.weights = (w.transpose(3, 2, 0, 1), b[:, None, None])
    assert_close(first(X.transpose(0, 3, 1, 2)), layer(X).transpose(0, 3, 1, 2))


@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('padding', ['VALID', 'SAME'])
def test_conv1d(padding: str, stride: int) -> None:
    x = X[:, 0]
    layer = ready(tl.Conv1d(4, 3, stride, padding), x)
    w, b = wide(layer)
    wider = same(x, (3,), (stride,)) if padding == 'SAME' else x
    expected = conv(wider[:, :, None].astype(np.float64), w[:, None], b, (stride, 1))
    assert_close(layer(x), expected[:, :, 0])


@pytest.mark.parametrize('width', [1, 3, 9])
def test_causal_conv(width: int) -> None:
    x = X[:, 0].astype(np.float64)
    layer = ready(tl.CausalConv(4, width), X[:, 0])
    w, b = wide(layer)
    longer = np.pad(x, ((0, 0), (width - 1, 0), (0, 0)))
    expected = conv(longer[:, :, None], w[:, None], b, (1, 1))[:, :, 0]
    assert_close(layer(X[:, 0]), expected)
    predict = layer.as_mode('predict')
    steps = [predict(X[:, 0, t : t + 1]) for t in range(X.shape[2])]
    assert_close(np.concatenate(steps, 1), expected)


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


def test_conv_gru_cell() -> None:
    s = X
    cell = ready(tl.ConvGRUCell(3, (3, 2)), s).as_mode('eval')
    arrays = [np.asarray(w, np.float64) for w in cell.named_weights().values()]
    convs = list(zip(arrays[::2], arrays[1::2], strict=True))

    def transform(i: int, x: Any) -> Any:
        return conv(same(x, (3, 2), (1, 1)), *convs[i], (1, 1))

    wide_s = s.astype(np.float64)
    u = sigmoid(transform(0, wide_s) + 0.5)
    r = sigmoid(transform(1, wide_s) + 0.5)
    c = np.tanh(transform(2, r * wide_s))
    assert_close(cell(s), u * wide_s + (1 - u) * c)


@pytest.mark.parametrize(
    ('make', 'text'),
    [
        (lambda: tl.Conv(4, (3,)), 'Conv: kernel_size: expected 2 numbers, as in HWIO, got (3,)'),
        (lambda: tl.Conv(4, (3, 3), (1,)), 'Conv: strides: expected 2 numbers'),
        (lambda: tl.Conv(4, (3, 0)), 'Conv: kernel_size must be a positive int, got 0'),
        (lambda: tl.CausalConv(4, 0), 'CausalConv: kernel_width must be a positive int, got 0'),
        (lambda: tl.CausalConv('4'), "CausalConv: filters must be a positive int, got '4'"),
        (
            lambda: tl.CausalConv(4).init(tl.ShapeDtype((2, 5))),
            'floats of shape (batch, time, features)',
        ),
        (lambda: tl.Conv(0, (3, 3)), 'Conv: filters must be a positive int, got 0'),
        (lambda: tl.Conv(4, (3, 3), padding='same'), "'VALID' or 'SAME', got 'same'"),
        (lambda: tl.Conv(4, (3, 3)).init(tl.ShapeDtype((2, 5, 3))), 'expected NHWC, got 3 axes'),
        (
            lambda: tl.Conv1d(4, 3).init(tl.ShapeDtype((2, 5, 5, 3))),
            'the axes of the input: expected NWC, got 4 axes',
        ),
        (
            lambda: ready(tl.Conv(4, (3, 3)), X)(X[..., :2]),
            'the channels of the input: expected 3, got 2',
        ),
    ],
)
def test_what_goes_wrong(make: Any, text: str) -> None:
    with pytest.raises((ValueError, tl.LayerError)) as caught:
        make()
    assert text in str(caught.value)
