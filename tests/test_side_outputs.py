"""SerialWithSideOutputs against what its docstring says, on plain numbers."""

import numpy as np
import pytest
from tolerances import assert_equal

from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')


def add_and_tell(factor: float) -> tl.Layer:
    return tl.Fn('AddAndTell', lambda x, a: (x + a, factor * x), n_out=2)


def test_cells_in_a_row_take_their_states_and_put_them_aside() -> None:
    layer = tl.SerialWithSideOutputs([add_and_tell(10), add_and_tell(100)])
    assert (layer.n_in, layer.n_out) == (3, 3)
    x, a, b = (np.float32(v) for v in (1, 2, 3))
    assert_equal(layer((x, a, b)), (x + a + b, 10 * x, 100 * (x + a)))


def test_the_rest_of_the_stack_stays_below() -> None:
    layer = tl.Serial(tl.SerialWithSideOutputs([add_and_tell(10), add_and_tell(100)]))
    x, a, b, c = (np.float32(v) for v in (1, 2, 3, 4))
    assert_equal(layer((x, a, b, c)), (x + a + b, 10 * x, 100 * (x + a), c))


def test_numbers_one_by_one() -> None:
    """None, both, and one of two outputs put aside; the second layer leaves nothing on top."""
    three = tl.Fn('Three', lambda x: (x, 10 * x, 100 * x), n_out=3)
    layer = tl.SerialWithSideOutputs([tl.Dup(), three, tl.Swap()], [0, 2, 1])
    assert (layer.n_in, layer.n_out) == (1, 4)
    x = np.float32(2)
    assert_equal(layer(x), (x, 10 * x, 100 * x, x))


def test_one_layer_is_itself() -> None:
    layer = tl.SerialWithSideOutputs([tl.Swap()])
    assert_equal(layer((np.float32(1), np.float32(2))), (np.float32(2), np.float32(1)))


def test_errors() -> None:
    with pytest.raises(ValueError, match=r'expected n_side_outputs for 2 layers, got \[1\]'):
        tl.SerialWithSideOutputs([tl.Dup(), tl.Dup()], [1])
    with pytest.raises(ValueError, match='Dup gives 2 outputs, so it cannot put 3 aside'):
        tl.SerialWithSideOutputs([tl.Dup()], 3)
    with pytest.raises(ValueError, match='item 1 is not a layer: got the class Dense'):
        tl.SerialWithSideOutputs([tl.Dup(), tl.Dense])
