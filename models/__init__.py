"""Sentences: functions that return a whole model made of layers."""

from .gru_lm import GRULM
from .lstm_lm import LSTMLM
from .lstm_seq2seq_attn import LSTMSeq2SeqAttn
from .mlp import MLP
from .picture_classifier import PictureClassifier
from .resnet import Resnet
from .rnn_classifier import RNNClassifier
from .rnn_lm import RNNLM
from .rnn_tagger import RNNTagger
from .transformer import Transformer, TransformerEncoder
from .transformer_lm import TransformerDecoder, TransformerLM
from .wide_resnet import WideResnet

__all__ = [
    'GRULM',
    'LSTMLM',
    'MLP',
    'RNNLM',
    'LSTMSeq2SeqAttn',
    'PictureClassifier',
    'RNNClassifier',
    'RNNTagger',
    'Resnet',
    'Transformer',
    'TransformerDecoder',
    'TransformerEncoder',
    'TransformerLM',
    'WideResnet',
]
