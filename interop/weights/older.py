"""Conventions of libraries that have come to rest: Trax, TensorFlow 1, d2l's chapter, Theano."""

from .convention import Bias, Convention, Kernel

_TRAX_GRU = (
    Kernel('w1', 'xh', 'ur'),
    Bias('b1', 'x', 'ur'),
    Kernel('w2', 'xh', 'c'),
    Bias('b2', 'x', 'c'),
)
_TF1_GRU = (
    Kernel('gates/kernel', 'xh', 'ru'),
    Bias('gates/bias', 'x', 'ru'),
    Kernel('candidate/kernel', 'xh', 'c'),
    Bias('candidate/bias', 'x', 'c'),
)
_D2L = [
    (Kernel(f'W_x{n}', 'x', g), Kernel(f'W_h{n}', 'h', g), Bias(f'b_{n}', 'x', g))
    for g, n in zip('urc', 'zrh', strict=True)
]
# The code of dl4mt: gru_layer. Others, as the second here, differ in what the gates do.
_THEANO = (
    Kernel('W', 'x', 'ru'),
    Bias('b', 'x', 'ru'),
    Kernel('U', 'h', 'ru'),
    Kernel('Wx', 'x', 'c'),
    Bias('bx', 'x', 'c'),
    Kernel('Ux', 'h', 'c'),
)


def _joint(kernel, bias):
    return (Kernel(kernel, 'xh', 'ijfo'), Bias(bias, 'x', 'ijfo'))


CONVENTIONS = (
    Convention('trax.GRUCell', 'gru', _TRAX_GRU),
    Convention('trax.LSTMCell', 'lstm', _joint('w', 'b')),
    Convention('tf1.GRUCell', 'gru', _TF1_GRU),
    Convention('tf1.LSTMCell', 'lstm', _joint('kernel', 'bias'), shift={'f': 1.0}),
    Convention('d2l.GRU', 'gru', tuple(a for arrays in _D2L for a in arrays)),
    Convention('theano.dl4mt', 'gru', _THEANO, 'after'),
    Convention('theano.chung', 'gru', _THEANO, update='keeps_new'),
)
