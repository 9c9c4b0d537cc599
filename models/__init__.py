"""Sentences: functions that return a whole model made of layers."""

from .gru_lm import GRULM
from .lstm_lm import LSTMLM
from .rnn_classifier import RNNClassifier
from .rnn_lm import RNNLM
from .rnn_tagger import RNNTagger
from .transformer import Transformer, TransformerEncoder
from .transformer_lm import TransformerDecoder, TransformerLM

__all__ = [
    'GRULM',
    'LSTMLM',
    'RNNLM',
    'RNNClassifier',
    'RNNTagger',
    'Transformer',
    'TransformerDecoder',
    'TransformerEncoder',
    'TransformerLM',
]
