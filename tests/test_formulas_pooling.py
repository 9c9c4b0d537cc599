"""Law 12 for pooling: NumPy, window by window."""

import itertools
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from tolerances import assert_close, assert_equal

from retrax import layers as tl

X = np.random.default_rng(0).normal(size=(2, 5, 6, 3)).astype(np.float32)
POOLS = {tl.MaxPool: np.max, tl.SumPool: np.sum, tl.AvgPool: np.mean}


def starts(n: int, size: int, stride: int, padding: str) -> list[int]:
    """Where windows begin; with 'SAME' those at the ends may lie outside, the odd place behind."""
    if padding == 'VALID':
        return list(range(0, n - size + 1, stride))
    outputs = -(-n // stride)
    before = max((outputs - 1) * stride + size - n, 0) // 2
    return [i * stride - before for i in range(outputs)]


def windows(x: np.ndarray, sizes: Any, strides: Any, padding: str) -> Iterator[np.ndarray]:
    """What is inside of each window, (b, k, l, c)."""
    along = [
        [slice(max(i, 0), i + size) for i in starts(n, size, stride, padding)]
        for n, size, stride in zip(x.shape[1:3], sizes, strides, strict=True)
    ]
    for rows, columns in itertools.product(*along):
        yield x[:, rows, columns]


@pytest.mark.parametrize('make', POOLS)
@pytest.mark.parametrize('padding', ['VALID', 'SAME'])
@pytest.mark.parametrize('sizes', [(2, 2), (3, 4), (5, 1)])
@pytest.mark.parametrize('strides', [None, (2, 1), (3, 2)])
def test_pooling(make: Any, padding: str, sizes: Any, strides: Any) -> None:
    y = make(sizes, strides, padding)(X)
    wide = X.astype(np.float64)
    expected = [POOLS[make](w, (1, 2)) for w in windows(wide, sizes, strides or (1, 1), padding)]
    assert_close(y, np.stack(expected, 1).reshape(y.shape))


def test_pooling_of_integers() -> None:
    x = np.array([[[5], [-7], [2]]], np.int32)
    expected = np.int32([5, 2]), np.int32([-2, -5]), np.float32([-1, -2.5])
    for make, numbers in zip(POOLS, expected, strict=True):
        assert_equal(make((2,))(x), numbers.reshape(1, 2, 1))


@pytest.mark.parametrize('make', [tl.SumPool, tl.AvgPool])
def test_sums_of_narrow_floats_are_wide(make: Any) -> None:
    x = np.abs(np.random.default_rng(1).normal(size=(1, 1024, 1))).astype(jnp.bfloat16)
    y, expected = make((1024,))(x), POOLS[make](x.astype(np.float64))
    assert y.dtype == jnp.bfloat16
    assert_equal(y, np.full((1, 1, 1), expected).astype(jnp.bfloat16))


def test_what_is_printed() -> None:
    assert [repr(make((2, 3))) for make in POOLS] == [
        *('MaxPool(2,3)', 'SumPool(2,3)', 'AvgPool(2,3)')
    ]


@pytest.mark.parametrize(
    ('make', 'text'),
    [
        (lambda: tl.MaxPool(2), 'MaxPool: pool_size: expected a number for each axis, in a tuple'),
        (lambda: tl.SumPool((2, 0)), 'SumPool: pool_size must be a positive int, got 0'),
        (lambda: tl.AvgPool((2, 2), (2,)), 'AvgPool: strides: expected 2 numbers, as in (2, 2)'),
        (lambda: tl.AvgPool(padding='same'), "AvgPool: padding: expected 'VALID' or 'SAME'"),
        (
            lambda: tl.MaxPool((2,))(X),
            'expected 1 between batch and channels, got shape (2, 5, 6, 3)',
        ),
        (
            lambda: tl.Serial(tl.Dense(3), tl.MaxPool((3, 7)))(X),
            'layer MaxPool(3,7) at MaxPool#1 failed',
        ),
        (
            lambda: tl.MaxPool((3, 7))(X),
            'the window: expected at most the size of the input, (5, 6), got (3, 7). There is no '
            "whole window in it; with padding='SAME' there is.",
        ),
    ],
)
def test_what_goes_wrong(make: Any, text: str) -> None:
    with pytest.raises((ValueError, tl.LayerError)) as caught:
        make()
    assert text in str(caught.value)
