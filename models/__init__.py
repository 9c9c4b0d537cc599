"""Sentences: functions that return a whole model made of layers."""

from .gru_lm import GRULM
from .rnn_lm import RNNLM

__all__ = ['GRULM', 'RNNLM']
