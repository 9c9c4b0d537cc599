"""What cannot be converted says why."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrax import layers as tl
from retrax.combinators import ShapeDtype
from retrax.interop import weights

X = ShapeDtype((1, 2, 3), np.float32)


def initialised(layer: tl.Layer) -> tl.Layer:
    layer.init(X, rng=0)
    return layer


def recurrent(**options) -> tl.Layer:
    return initialised(tl.Recurrent(tl.GRUCell(4, **options)))


def test_a_reset_gate_before_the_product_is_not_torchs():
    with pytest.raises(ValueError, match=r'reset gate: expected after the product .* before it'):
        weights.to_torch(initialised(tl.GRU(4)))


def test_gates_that_are_given_have_no_weights():
    with pytest.raises(ValueError, match=r'learns its gates, got update_gate=0.5, which is given'):
        weights.to_torch(recurrent(reset='after', update_gate=0.5))


def test_a_bias_that_has_no_place_is_named():
    def both(bias):
        return recurrent(reset='after', recurrent_bias=True, bias_initializer=bias)

    weights.to_params(both(lambda shape, key: jnp.zeros(shape)), 'nnx')
    expected = "to nnx.GRUCell: the bias of the state's part of gate c: expected zeros"
    with pytest.raises(ValueError, match=expected):
        weights.to_params(both(lambda shape, key: jnp.ones(shape)), 'nnx')


def test_an_activation_that_haiku_has_not():
    with pytest.raises(ValueError, match='the activation: expected relu, got tanh'):
        weights.to_params(initialised(tl.RNN(4)), 'haiku')


def test_a_learned_first_state_is_not_lost_silently():
    layer = initialised(tl.Recurrent(tl.LSTMCell(4), initial_state='learned'))
    with pytest.raises(ValueError, match='expected an initial state of zeros, got a learned one'):
        weights.to_torch(layer)


def test_layers_without_weights_are_to_be_initialised():
    with pytest.raises(ValueError, match=r'Call model.init first'):
        weights.to_torch(tl.LSTM(4))


@pytest.mark.parametrize(
    'layer', [tl.Serial(tl.LSTM(4), tl.Dense(2)), tl.Residual(tl.LSTM(3))], ids=['Dense', 'Add']
)
def test_other_layers_are_not_left_out(layer):
    with pytest.raises(ValueError, match=r'alone, got Dense_2|one forwards and one back'):
        weights.to_torch(initialised(layer))


def test_a_layer_that_only_goes_backwards_is_not_turned_round():
    layer = initialised(tl.Recurrent(tl.LSTMCell(4), reverse=True))
    with pytest.raises(ValueError, match='direction: expected forwards, or both, got backwards al'):
        weights.to_torch(layer)


@pytest.mark.parametrize(
    'layer',
    [
        tl.Recurrent(tl.RNNCell(4, jax.nn.relu)),
        tl.Recurrent(tl.RNNCell(4), reverse=True),
        tl.Serial(tl.Recurrent(tl.RNNCell(4), reverse=True), tl.RNN(4)),
    ],
    ids=['relu', 'reverse', 'both'],
)
def test_nodes_of_onnx_say_direction_and_activation(layer):
    initialised(layer)
    x = np.random.default_rng(0).normal(size=X.shape).astype(np.float32)
    expected, nodes = layer(x), weights.to_onnx(layer)
    got = x
    for node in nodes:
        got = weights.from_onnx(node)(got)
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_a_projection_is_not_left_out():
    arrays = {'weight_ih_l0': np.ones((16, 3)), 'weight_hh_l0': np.ones((16, 4))}
    with pytest.raises(ValueError, match=r"got 'weight_hr_l0'. weight_hr is of an LSTM with proj"):
        weights.from_torch({**arrays, 'weight_hr_l0': np.ones((2, 4))})


def test_other_activations_of_onnx_are_told():
    node = {'op': 'GRU', 'W': np.ones((1, 12, 3)), 'R': np.ones((1, 12, 4))}
    with pytest.raises(ValueError, match=r"activations: expected \['sigmoid', 'tanh'\], got"):
        weights.from_onnx({**node, 'activations': ['Sigmoid', 'Relu']})
    with pytest.raises(ValueError, match='clip: expected none, got some'):
        weights.from_onnx({**node, 'clip': 3.0})


def test_an_array_of_another_shape_is_named():
    arrays = {'w_i': np.ones((3, 12)), 'w_h': np.ones((4, 12)), 'b': np.ones(6)}
    expected = r'haiku.GRU: those of gate u and of x: expected \(4,\), got \(2,\)'
    with pytest.raises(ValueError, match=expected):
        weights.from_params(arrays, 'haiku')


def test_arrays_that_fit_two_conventions_ask_for_a_name():
    arrays = {'W': np.ones((3, 8)), 'U': np.ones((4, 8)), 'b': np.ones(8)}
    arrays |= {'Wx': np.ones((3, 4)), 'Ux': np.ones((4, 4)), 'bx': np.ones(4)}
    with pytest.raises(ValueError, match=r'They could be theano.dl4mt, theano.chung: name one'):
        weights.from_params(arrays, 'theano')


def test_unknown_frameworks_are_told_with_the_known_ones():
    with pytest.raises(ValueError, match=r"one of \['d2l', 'equinox', .* got 'caffe'"):
        weights.from_params({}, 'caffe')
