"""Signatures with names for sizes, through code that runs with them or cannot."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from retrax import layers as tl
from retrax import models
from retrax.combinators import LayerError

X = tl.ShapeDtype(('b', 't', 4))


def upto(n: int) -> tl.Layer:
    """A layer with a longest sequence."""

    def check(x: Any) -> Any:
        if x.shape[1] > n:
            raise ValueError(f'longer than {n}: {x.shape[1]}')
        return x

    return tl.Fn('UpTo', check)


def if_long(f: Any) -> tl.Layer:
    """Code that asks whether a size is large, which has no answer for a name."""
    return tl.Fn('IfLong', lambda x: f(x) if x.shape[1] > 1 else x)


class Pads(tl.Layer):
    """A layer as Trax users write it; its t + 3 needs numbers."""

    def forward(self, x: Any) -> Any:
        return jnp.concatenate([x, jnp.zeros((x.shape[0], 3, int(x.shape[2])))], 1)


@pytest.mark.parametrize(
    ('make', 'sizes'),
    [
        (lambda: tl.Dense(3), 'b,t,3'),
        (lambda: if_long(lambda x: x), 'b,t,4'),
        (lambda: if_long(lambda x: jnp.concatenate([x, x], 1)), 'b,2*t,4'),
        (lambda: if_long(lambda x: x[:, :-1]), 'b,t - 1,4'),
        (lambda: if_long(lambda x: x.reshape(-1, 2)), '2*b*t,2'),
        (lambda: if_long(lambda x: x.reshape(x.shape[0], -1, 8, 4)), None),
        (lambda: if_long(lambda x: x[0] if x.shape[0] > 20 else x), None),
        (lambda: if_long(lambda x: x.reshape(-1)), '4*b*t'),
        (
            lambda: if_long(lambda x: jnp.zeros((x.shape[0] + x.shape[1], 2 + x.shape[1]))),
            't + b,t + 2',
        ),
        (lambda: if_long(lambda x: jnp.zeros((x.shape[1] ** 2,))), None),
        (lambda: if_long(lambda x: jnp.zeros((x.shape[1] // 2,))), None),
        (Pads, 'b,t + 3,4'),
    ],
)
@pytest.mark.parametrize('inside', [False, True])
def test_output_sizes(make: Any, sizes: str | None, inside: bool) -> None:
    model = tl.Serial(tl.Dense(4), make()) if inside else make()
    if sizes is None:
        with pytest.raises((LayerError, Exception), match='no straight lines'):
            model.output_signature(X)
    else:
        assert str(model.output_signature(X)) == f'float32[{sizes}]'


@pytest.mark.parametrize('limit', [64, 40, 32, 20, 10, 5])
def test_numbers_are_tried_within_a_limit(limit: int) -> None:
    model = tl.Serial(upto(limit), if_long(lambda x: x[:, 1:]), upto(limit))
    given = tl.ShapeDtype(('b', f't<={limit}', 4))
    assert str(model.output_signature(given)) == 'float32[b,t - 1,4]'


def test_without_the_limit_the_error_says_which_numbers_were_tried() -> None:
    with pytest.raises(LayerError) as info:
        tl.Serial(upto(20)).output_signature(X)
    assert 'ValueError: longer than 20: 24' in str(info.value)
    assert 'This was at b = 16, t = 24' in str(info.value)
    assert "give it: 't<=8'" in str(info.value)


def test_one_name_is_one_size_with_and_without_its_limit() -> None:
    given = (tl.ShapeDtype(('t <= 8', 3)), tl.ShapeDtype(('t', 3)))
    assert str(tl.Add().output_signature(given)) == 'float32[t,3]'
    with pytest.raises(LayerError):
        tl.Add().output_signature((tl.ShapeDtype(('t', 3)), tl.ShapeDtype(('u', 3))))


def test_an_error_at_names_shows_names() -> None:
    with pytest.raises(LayerError) as info:
        tl.Serial(tl.GRU(4)).output_signature(tl.ShapeDtype(('b', 't')))
    assert 'got float32[b,t]. Add the batch axis' in str(info.value)
    assert 'This was at' not in str(info.value)


def test_init_with_a_limit_then_a_batch() -> None:
    model = models.GRULM(11, 6, 1)
    model.init(tl.ShapeDtype(('b', 't<=9'), np.int32))
    assert model(np.zeros((2, 5), np.int32)).shape == (2, 5, 11)


@pytest.mark.parametrize('size', ['b t', '', '2b', 't<64', 't>=2'])
def test_a_size_that_is_no_name(size: str) -> None:
    with pytest.raises(ValueError, match=r"sizes: expected ints, names such as 'b'.*got"):
        tl.Dense(3).output_signature(tl.ShapeDtype((size, 4)))
