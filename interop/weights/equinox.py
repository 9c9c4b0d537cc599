"""Equinox: eqx.nn.GRUCell and eqx.nn.LSTMCell."""

from .convention import Bias, Convention, Kernel


def _arrays(gates):
    return (
        Kernel('weight_ih', 'x', gates, outputs_first=True),
        Kernel('weight_hh', 'h', gates, outputs_first=True),
        Bias('bias', 'x', gates),
    )


CONVENTIONS = (
    Convention('equinox.GRUCell', 'gru', (*_arrays('ruc'), Bias('bias_n', 'h', 'c')), 'after'),
    Convention('equinox.LSTMCell', 'lstm', _arrays('ifjo')),
)
