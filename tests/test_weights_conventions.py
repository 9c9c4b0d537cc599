"""Every convention, with random weights and biases, against the library or its formulas."""

import numpy as np
import pytest
from conformance.measure import measure
from conformance.others import OTHERS, nested, random_arrays

from retrax import layers as tl
from retrax.interop import weights

pytestmark = pytest.mark.usefixtures('compiled_quickly')


def test_every_convention_is_compared():
    assert OTHERS.keys() == weights.CONVENTIONS.keys()


# Keras makes NumPy arrays of its variables in a way that NumPy 2 deprecates.
@pytest.mark.filterwarnings('ignore:__array__ implementation')
@pytest.mark.parametrize('name', OTHERS)
def test_outputs_and_gradients_are_those_of_the_original(name):
    errors, other = measure(name), OTHERS[name]
    exact = 1e-5 if other.float32 else 1e-12
    assert errors.outputs < exact
    # Where the other side knows no gradients, they are differences, and as exact as these.
    assert errors.gradients < (1e-7 if other.gradients is None else exact)


@pytest.mark.parametrize('name', OTHERS)
def test_there_and_back_is_the_same_function(name):
    arrays = random_arrays(weights.CONVENTIONS[name])
    layer = weights.from_params(nested(arrays), name)
    again = weights.from_params(weights.to_params(layer, name), name)
    for mine, other in zip(layer.weights, again.weights, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-6)  # a shifted bias is rounded


@pytest.mark.parametrize('framework', ['flax', 'nnx', 'equinox'])
def test_a_stack_of_both_directions_goes_there_and_back(framework):
    layer = tl.Serial(
        [tl.Bidirectional(tl.Recurrent(tl.GRUCell(4, reset='after'))) for _ in range(2)],
        tl.Recurrent(tl.GRUCell(3, reset='after')),
    )
    x = np.random.RandomState(0).randn(2, 5, 3).astype(np.float32)
    layer.init(tl.signature(x))
    trees = weights.to_params(layer, framework)
    assert [type(tree) for tree in trees] == [tuple, tuple, dict]
    again = weights.from_params(trees, framework)
    np.testing.assert_allclose(again(x), layer(x), atol=1e-6)
