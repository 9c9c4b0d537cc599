"""Scan against a Python loop: any axis, any number of carries, steps."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tolerances import assert_close, assert_equal

from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')

X = np.random.default_rng(0).integers(0, 9, (2, 3, 4), np.int32)


def two_sums() -> tl.Layer:
    """Sums and sums of sums."""

    def f(x: Any, a: Any, b: Any) -> Any:
        return a - b, a + x, a + b

    return tl.Fn('TwoSums', f, n_out=3)


@pytest.mark.parametrize('remat', [False, True])
@pytest.mark.parametrize('axis', [0, 1, 2, -1, -2, -3])
def test_any_axis(axis: int, remat: bool) -> None:
    a = b = np.zeros(np.delete(X.shape, axis), np.int32)
    scan = tl.Scan(two_sums(), axis=axis, n_carry=2, remat=remat)
    y, *carries = scan((X, a, b))
    expected = []
    for x in np.moveaxis(X, axis, 0):
        expected.append(a - b)
        a, b = a + x, a + b
    assert_equal(y, np.stack(expected, axis))
    assert_equal(carries, [a, b])
    assert scan.output_signature(tl.signature((X, a, b))) == tl.signature((y, *carries))


def test_an_axis_that_is_not_there() -> None:
    with pytest.raises(tl.LayerError, match=r'expected inputs with an axis -4, got int32\[2,3,4\]'):
        tl.Scan(two_sums(), axis=-4, n_carry=2).init(tl.signature((X, X[0], X[0])))


def test_without_carry_it_has_no_memory() -> None:
    scan = tl.Scan(tl.Fn('AddOne', lambda x: x + 1), n_carry=0)
    assert not scan.has_memory
    assert_equal(scan(X), X + 1)
    assert not jax.tree.leaves(scan.as_mode('predict').new_state(2))


def test_a_state_inside_goes_from_slice_to_slice() -> None:
    """Slices along axis 0 are chunks of time for the GRU within."""
    chunks = np.random.default_rng(0).normal(size=(3, 2, 2, 4)).astype(np.float32)
    gru = tl.GRU(5)
    scan = tl.Scan(gru, n_carry=0).as_mode('predict')
    scan.init(tl.signature(chunks))
    whole = gru.as_mode('eval')(np.concatenate(list(chunks), 1))
    assert_close(jnp.concatenate(list(scan(chunks)), 1), whole)


def test_a_symbolic_init_in_predict_makes_its_state_at_the_first_call() -> None:
    scan = tl.Scan(two_sums(), axis=1, n_carry=2, mode='predict')
    scan.init((tl.ShapeDtype(('b', 't'), np.int32), *(tl.ShapeDtype(('b',), np.int32),) * 2))
    ones = np.ones((2, 5), np.int32)
    zeros = np.zeros(2, np.int32)
    first = scan((ones[:, :3], zeros, zeros))
    second = scan((ones[:, 3:], zeros, zeros))
    expected = tl.Scan(two_sums(), axis=1, n_carry=2)((ones, zeros, zeros))
    assert_equal(jnp.concatenate([first[0], second[0]], 1), expected[0])
    assert_equal(second[1:], expected[1:])
