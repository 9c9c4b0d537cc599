"""Numerics without layers: recurrences and products, one function each.

Kernels know arrays and precisions. They know no layer, no mode and no state. Sequences are time
major inside, (time, batch, features), and batch major at the face, (batch, time, features).
"""

from .gru import GRUWeights, gru, gru_step
from .lstm import LSTMWeights, lstm, lstm_step
from .products import affine, dot

__all__ = ['GRUWeights', 'LSTMWeights', 'affine', 'dot', 'gru', 'gru_step', 'lstm', 'lstm_step']
