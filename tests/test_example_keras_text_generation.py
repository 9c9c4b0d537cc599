"""examples/keras_text_generation.py: states in and out, by number."""

import example_pages
import jax
import numpy as np
import pytest
from conformance.peers import peer

from retrax import layers as tl
from retrax.combinators import StateError
from retrax.interop import weights

pytestmark = pytest.mark.usefixtures('compiled_quickly')


@pytest.fixture(scope='module')
def page() -> example_pages.Page:
    return example_pages.run('keras_text_generation', steps=40)


def test_B1_the_state_of_layer_1_is_refused_by_layer_2(page) -> None:
    said = "state of GRU#1: got the state of GRU#2. A layer's state belongs to its place"
    assert said in page.printed
    predict, (embedding, first, second, dense) = page['predict'], page['state']
    token = np.ones((2, 1), np.int32)
    with pytest.raises(StateError, match=said):
        predict.pure_fn(token, predict.weights, (embedding, second, first, dense), None)
    other = page['model_of'](2, 16)
    other.init(tl.ShapeDtype((2, 1), np.int32))
    with pytest.raises(StateError, match='expected a state of this model'):
        predict.pure_fn(token, predict.weights, other.as_mode('predict').new_state(2), None)


def test_B2_the_states_of_all_layers_are_one_value(page) -> None:
    model = page['predict']
    x = np.array([[1, 2, 3, 4], [4, 3, 2, 1]])
    whole, state = model.pure_fn(x, model.weights, model.new_state(2), None)

    def step(state, token):  # a loop of the device carries it as it is
        y, state = model.pure_fn(token[:, None], model.weights, state, None)
        return state, y[:, 0]

    last, steps = jax.lax.scan(step, model.new_state(2), x.T)
    np.testing.assert_allclose(steps.swapaxes(0, 1), whole, atol=2e-5)
    assert jax.tree.structure(last) == jax.tree.structure(state)


def test_B3_a_part_of_a_state_is_refused_and_what_is_missing_named(page) -> None:
    assert 'a state without its parts GRU#2; start from model.new_state' in page.printed
    predict, (embedding, _, _, dense) = page['predict'], page['state']
    with pytest.raises(StateError, match='without its parts GRU#1, GRU#2;'):
        predict.state = (embedding, (), (), dense)
    with pytest.raises(StateError, match=r'state of GRU#1: expected one, got nothing; start from'):
        predict.pure_fn(
            np.ones((2, 1), np.int32), predict.weights, (embedding, (), (), dense), None
        )


# Keras makes NumPy arrays of its variables in a way that NumPy 2 deprecates.
@pytest.mark.filterwarnings('ignore:__array__ implementation')
def test_B4_the_number_of_outputs_is_fixed_when_composing(page) -> None:
    assert '2 (2, 5, 8) (2, 8)' in page.printed
    with pytest.raises(TypeError):
        page['encoder'](page['x'], return_state=False)
    keras = peer('keras')
    layer = keras.layers.GRU(8, return_sequences=True, return_state=True)
    sequence, last = layer(page['x'])
    ours = weights.from_keras(layer, return_state=True)
    for mine, theirs in zip(ours(page['x']), (sequence, last), strict=True):
        np.testing.assert_allclose(mine, np.asarray(theirs), atol=1e-5)


def test_B5_new_state_for_any_batch(page) -> None:
    for batch_size in (1, 3):
        state = page['predict'].new_state(batch_size)
        assert {leaf.shape for leaf in jax.tree.leaves(state)} == {(batch_size, 128)}
        assert not any(np.any(leaf) for leaf in jax.tree.leaves(state))


def test_B6_more_layers_or_more_units(page) -> None:
    one, two = [line for line in page.printed.splitlines() if 'perplexity' in line]
    assert one.startswith('1 x 128: ')
    assert two.startswith('2 x 93: ')
    counts = [int(line.split()[3].replace(',', '')) for line in (one, two)]
    assert abs(counts[0] / counts[1] - 1) < 0.2
    for line in (one, two):
        assert 1 < float(line.split('perplexity ')[1].split(',')[0]) < page['vocabulary'].size
