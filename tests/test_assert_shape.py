"""Shapes that are written down hold, and a broken one is told with its place."""

import re
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from tolerances import assert_equal

from retrax import layers as tl

X = np.ones((2, 3, 4), np.float32)


@pytest.mark.parametrize(
    ('spec', 'shapes'),
    [
        ('abc', [(2, 3, 4)]),
        ('aba,ba', [(10, 5, 10), (5, 10)]),
        ('', [()]),
        ('a,', [(5,), ()]),
        ('23,1,93', [(2, 3), (1,), (9, 3)]),
        ('a...bc,abc', [(1, 5, 5, 2, 3), (1, 2, 3)]),
        ('...bc,abc', [(2, 3), (1, 2, 3)]),
        ('bb...,...bb', [(2, 2, 5, 6), (5, 6, 2, 2)]),
    ],
)
def test_shapes_that_fit(spec: str, shapes: list[tuple[int, ...]]) -> None:
    arrays: Any = [np.ones(shape) for shape in shapes]
    x = arrays if len(arrays) > 1 else arrays[0]
    assert tl.AssertShape(spec)(x) is x


@pytest.mark.parametrize(
    ('spec', 'shapes'),
    [
        ('aa', [(10, 5)]),
        ('ab', [(10, 5, 2)]),
        ('24,1', [(2, 3), (1,)]),
        ('aba,ab', [(10, 5, 10), (5, 8)]),
        ('ab...cde,2', [(2, 3, 4, 5), (2,)]),
        ('...a,...b', [(1, 2, 3, 7), (1, 2, 8)]),
        ('...2,...8', [(1, 2, 3, 2), (1, 3, 3, 8)]),
    ],
)
def test_shapes_that_do_not_fit(spec: str, shapes: list[tuple[int, ...]]) -> None:
    arrays: Any = [np.ones(shape) for shape in shapes]
    with pytest.raises(tl.LayerError, match=re.escape(f'expected shapes {spec!r}')):
        tl.AssertShape(spec)(arrays if len(arrays) > 1 else arrays[0])


@pytest.mark.parametrize('spec', ['b......c', 'b..c', '...c...'])
def test_one_ellipsis(spec: str) -> None:
    with pytest.raises(tl.LayerError, match=r"at most one '\.\.\.'"):
        tl.AssertShape(spec)(X)


def test_specifications_that_cannot_be_read() -> None:
    with pytest.raises(ValueError, match="got 'a b'"):
        tl.AssertShape('a b')
    with pytest.raises(ValueError, match="expected shapes 'inputs->outputs', got 'ab'"):
        tl.AssertFunction('ab', tl.Relu())


def test_an_error_says_what_is_known_and_where_it_was_written() -> None:
    layer = tl.AssertFunction('bt3->btt', tl.Dense(4))
    with pytest.raises(tl.LayerError) as caught:
        layer(X[..., :3])
    text = str(caught.value)
    assert "expected shapes 'btt' where b = 2, t = 3, got (2, 3, 4)" in text
    assert re.search(r'Defined at .*test_assert_shape\.py:\d+, outputs', text)


def test_a_checked_layer_is_the_layer() -> None:
    plain, checked = tl.Dense(5), tl.AssertFunction('...a->...b', tl.Dense(5))
    plain.init(tl.signature(X))
    checked.init(tl.signature(X))
    checked.weights = (plain.weights,)
    assert_equal(checked(X), plain(X))
    assert repr(checked) == 'Serial[\n  Dense_5\n]'


@tl.assert_shape('...a->...')
def sum_of_features() -> tl.Layer:
    return tl.Sum(axis=-1)


ends = tl.assert_shape('bac->bc,bc')(lambda: tl.Fn('Ends', lambda x: (x[:, 0], x[:, -1]), n_out=2))


@tl.assert_shape('bc->bc')
class TraxStyle(tl.Layer):
    def forward(self, x: Any) -> Any:
        return 2 * x


@tl.assert_shape('bc->bcc')
class Pure(tl.Layer):
    def apply_fn(self, x: Any, weights: Any, state: Any, context: Any) -> Any:
        return x[..., None], state


def test_functions_are_decorated() -> None:
    assert_equal(sum_of_features()(X), jnp.full((2, 3), 4.0))
    first, last = ends()(X)
    assert first.shape == last.shape == (2, 4)
    with pytest.raises(tl.LayerError, match="'bac'"):
        ends()(X[0])


def test_classes_are_decorated() -> None:
    assert TraxStyle()(X[0]).shape == (3, 4)
    with pytest.raises(tl.LayerError, match=r"'bc', got \(2, 3, 4\)\. Defined at .*, inputs"):
        TraxStyle()(X)
    with pytest.raises(tl.LayerError, match=r"'bcc' where b = 3, c = 4, got \(3, 4, 1\)"):
        tl.Serial(Pure())(X[0])
