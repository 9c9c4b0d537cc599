"""Layers of Keras as they are built there: stacked, bidirectional, backwards, and back."""

import numpy as np
import pytest
from conformance.peers import peer

from retrax import layers as tl
from retrax.interop import weights

keras = peer('keras')

# Keras makes NumPy arrays of its variables in a way that NumPy 2 deprecates.
pytestmark = pytest.mark.filterwarnings('ignore:__array__ implementation')

X = np.random.RandomState(0).randn(2, 5, 3).astype(np.float32)


def gru(**options):
    # No bias is zero, so that none can be mistaken for another.
    return keras.layers.GRU(4, return_sequences=True, bias_initializer='normal', **options)


def both(layer):
    return keras.layers.Bidirectional(layer)


STACKS = {
    'two': lambda: [gru(), keras.layers.LSTM(5, return_sequences=True)],
    'both': lambda: [both(gru(reset_after=False)), both(gru())],
    'back': lambda: [gru(go_backwards=True)],
    'no biases': lambda: [gru(use_bias=False)],
    'relu': lambda: [keras.layers.SimpleRNN(4, activation='relu', return_sequences=True)],
}


@pytest.mark.parametrize('name', STACKS)
def test_outputs_are_those_of_keras(name):
    layers = STACKS[name]()
    y = X
    for layer in layers:
        y = layer(y)
    y = np.asarray(y)
    ours = weights.from_keras(layers)(X)
    if name == 'back':
        y = y[:, ::-1]  # Keras leaves the outputs in the order of its steps
    np.testing.assert_allclose(ours, y, atol=1e-5)


def test_set_weights_takes_what_to_keras_gives():
    layers = STACKS['both']()
    for layer in layers:
        layer.build((2, 5, 3 if layer is layers[0] else 8))
    ours = weights.from_keras(layers)
    y = ours(X)
    for layer, arrays in zip(layers, weights.to_keras(ours), strict=True):
        layer.set_weights([np.zeros_like(a) for a in arrays])
        layer.set_weights(arrays)
    np.testing.assert_allclose(layers[1](layers[0](X)), y, atol=1e-5)


def test_the_arrays_alone_say_which_gru_it_is():
    for reset_after in (True, False):
        layer = gru(reset_after=reset_after)
        layer.build(X.shape)
        ours = weights.from_keras(layer.get_weights())
        assert isinstance(ours, tl.Recurrent)
        assert ours.cell.reset == ('after' if reset_after else 'before')


def test_layers_behind_one_that_goes_backwards_would_see_time_reversed():
    with pytest.raises(ValueError, match='go_backwards: expected one layer, got 2'):
        weights.from_keras([gru(go_backwards=True), gru()])


def test_directions_that_are_added_are_told():
    layer = keras.layers.Bidirectional(gru(), merge_mode='sum')
    layer.build(X.shape)
    with pytest.raises(ValueError, match="merge_mode: expected 'concat', got 'sum'"):
        weights.from_keras(layer)


def test_other_activations_are_told():
    layer = gru(recurrent_activation='hard_sigmoid')
    layer.build(X.shape)
    expected = "keras.GRU: recurrent_activation: expected 'sigmoid', got 'hard_sigmoid'"
    with pytest.raises(ValueError, match=expected):
        weights.from_keras(layer)
