"""Flax: the cells of flax.linen and of flax.nnx."""

from .convention import Bias, Convention, Kernel


def _dense(name, of, gates, bias=False):
    return (Kernel(f'{name}/kernel', of, gates), *[Bias(f'{name}/bias', of, gates)] * bias)


def _pairs(gates, of_x, of_h, x_bias, h_biases):
    """A Dense of x and one of h for each gate, with these names."""
    arrays = ()
    for gate, x_name, h_name in zip(gates, of_x.split(), of_h.split(), strict=True):
        arrays += _dense(x_name, 'x', gate, x_bias)
        arrays += _dense(h_name, 'h', gate, gate in h_biases)
    return arrays


def _lstm(of_x):
    return _pairs('ijfo', of_x, 'hi hg hf ho', False, 'ijfo')


def _fused(gates, x_bias, h_bias):
    return (*_dense('dense_i', 'x', gates, x_bias), *_dense('dense_h', 'h', gates, h_bias))


_SIMPLE = (*_dense('i', 'x', 's', True), *_dense('h', 'h', 's'))

CONVENTIONS = (
    Convention('flax.GRUCell', 'gru', _pairs('urc', 'iz ir in', 'hz hr hn', True, 'c'), 'after'),
    Convention('flax.LSTMCell', 'lstm', _lstm('ii ig if io')),  # OptimizedLSTMCell's too
    Convention('flax.SimpleCell', 'rnn', _SIMPLE),
    # Its documentation has a bias of the candidate's recurrent part; the code does not.
    Convention('nnx.GRUCell', 'gru', _fused('ruc', True, False), 'after'),
    Convention('nnx.OptimizedLSTMCell', 'lstm', _fused('ifjo', False, True)),
    Convention('nnx.LSTMCell', 'lstm', _lstm('ii ig if_ io')),
    Convention('nnx.SimpleCell', 'rnn', _fused('s', True, False)),
)
