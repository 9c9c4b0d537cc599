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


@pytest.mark.parametrize('size', [1, 3, 9])
def test_causal_depthwise_conv(size: int) -> None:
    x = X[:, 0].astype(np.float64)
    layer = ready(tl.CausalDepthwiseConv(size), X[:, 0])
    (w,) = wide(layer)
    expected = np.zeros_like(x)
    for t in range(x.shape[1]):
        for k in range(min(size, t + 1)):
            expected[:, t] += w[k] * x[:, t - k]
    assert_close(layer(X[:, 0]), expected)
    predict = layer.as_mode('predict')
    steps = [predict(X[:, 0, t : t + 1]) for t in range(X.shape[2])]
    assert_close(np.concatenate(steps, 1), expected)


def conv_transpose(
    x: np.ndarray, w: np.ndarray, b: Any, strides: Any, dilation: Any, padding: str
) -> np.ndarray:
    """Adds x_ij times the kernel, backwards, to a window that begins at (s i, r j)."""
    spread = np.zeros([(k - 1) * d + 1 for k, d in zip(w.shape, dilation, strict=False)])
    spread = np.zeros((*spread.shape, *w.shape[2:]))
    spread[:: dilation[0], :: dilation[1]] = w
    n, span = x.shape[1:3], spread.shape[:2]
    whole = [max(m * s, (m - 1) * s + k) for m, s, k in zip(n, strides, span, strict=True)]
    y = np.zeros((x.shape[0], *whole, w.shape[3]))
    for i in range(n[0]):
        for j in range(n[1]):
            rows = slice(strides[0] * i, strides[0] * i + span[0])
            columns = slice(strides[1] * j, strides[1] * j + span[1])
            y[:, rows, columns] += np.einsum('bd,kldn->bkln', x[:, i, j], spread[::-1, ::-1])
    if padding == 'SAME':
        sizes = [m * s for m, s in zip(n, strides, strict=True)]
        first = [(a - m) // 2 for a, m in zip(whole, sizes, strict=True)]
        y = y[:, first[0] : first[0] + sizes[0], first[1] : first[1] + sizes[1]]
    return y + b


@pytest.mark.parametrize('dilation', [None, (1, 2)])
@pytest.mark.parametrize('strides', [None, (2, 1), (2, 3)])
@pytest.mark.parametrize('kernel', [(1, 1), (2, 3), (4, 2)])
@pytest.mark.parametrize('padding', ['VALID', 'SAME'])
def test_conv_transpose(padding: str, kernel: Any, strides: Any, dilation: Any) -> None:
    layer = ready(tl.ConvTranspose(4, kernel, strides, padding, dilation), X)
    w, b = wide(layer)
    one = (1, 1)
    expected = conv_transpose(X.astype(np.float64), w, b, strides or one, dilation or one, padding)
    assert_close(layer(X), expected)


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
        (lambda: tl.Conv(4, (3,)), 'Conv: kernel_size: expected 2 numbers, as in HW, got (3,)'),
        (lambda: tl.Conv(4, (3, 3), (1,)), 'Conv: strides: expected 2 numbers'),
        (lambda: tl.Conv(4, (3, 0)), 'Conv: kernel_size must be a positive int, got 0'),
        (lambda: tl.CausalConv(4, 0), 'CausalConv: kernel_width must be a positive int, got 0'),
        (lambda: tl.CausalConv('4'), "CausalConv: filters must be a positive int, got '4'"),
        (
            lambda: tl.CausalConv(4).init(tl.ShapeDtype((2, 5))),
            'floats of shape (batch, time, features)',
        ),
        (
            lambda: tl.CausalDepthwiseConv(-1),
            'CausalDepthwiseConv: kernel_size must be a positive int, got -1',
        ),
        (
            lambda: tl.CausalDepthwiseConv().init(tl.ShapeDtype((2, 5), np.int32)),
            'expected floats of shape (batch, time, features), got int32[2,5]',
        ),
        (
            lambda: ready(tl.CausalDepthwiseConv(), X[:, 0])(X[:, 0, :, :2]),
            "the width of the input's last axis: expected 3, got 2",
        ),
        (lambda: tl.Conv(4, 3), 'Conv: kernel_size: expected a number for each axis, in a tuple'),
        (
            lambda: tl.ConvTranspose(4, (3, 3), rhs_dilation=(2,)),
            'ConvTranspose: rhs_dilation: expected 2 numbers, as in HW, got (2,)',
        ),
        (lambda: tl.ConvTranspose(4, (3, 0)), 'ConvTranspose: kernel_size must be a positive'),
        (
            lambda: ready(tl.ConvTranspose(4, (3, 3)), X)(X[..., :2]),
            'the channels of the input: expected 3, got 2',
        ),
        (
            lambda: tl.Serial(tl.Conv1d(4, 7)).init(tl.ShapeDtype((2, 5, 3))),
            'layer Conv at Conv#1 failed',
        ),
        (
            lambda: ready(tl.Conv1d(4, 3), X[:, 0])(X[:, 0, :2]),
            'the kernel: expected at most the size of the input, (2,), got (3,). There is no '
            "whole window in it; with padding='SAME' there is.",
        ),
        (
            lambda: tl.LocallyConnected1d(4, 7).init(tl.ShapeDtype((2, 5, 3))),
            'the kernel: expected at most the size of the input, (5,), got (7,). There is no ',
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
