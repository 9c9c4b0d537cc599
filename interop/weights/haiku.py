"""Haiku: hk.GRU, hk.LSTM and hk.VanillaRNN."""

from .convention import Bias, Convention, Kernel

_GRU = (Kernel('w_i', 'x', 'urc'), Kernel('w_h', 'h', 'urc'), Bias('b', 'x', 'urc'))
_LSTM = (Kernel('linear/w', 'xh', 'ijfo'), Bias('linear/b', 'x', 'ijfo'))
_RNN = (
    Kernel('linear/w', 'x', 's'),
    Bias('linear/b', 'x', 's'),
    Kernel('linear_1/w', 'h', 's'),
    Bias('linear_1/b', 'h', 's'),
)

CONVENTIONS = (
    Convention('haiku.GRU', 'gru', _GRU, update='keeps_new'),
    Convention('haiku.LSTM', 'lstm', _LSTM, shift={'f': 1.0}),
    Convention('haiku.VanillaRNN', 'rnn', _RNN, activations=('relu',)),
)
