"""Recurrent weights from elsewhere and back: PyTorch, Keras, ONNX, Flax, Haiku, Equinox and others.

    layer = from_torch(torch.nn.LSTM(8, 16, num_layers=2, bidirectional=True))
    state_dict = to_torch(layer)

A framework is data here: which arrays it has, of which gates in which order, and what its gates do
(convention.py). Arrays are read into what each gate computes, and written from that
(conversion.py). No framework need be installed.
"""

from .convention import Convention
from .describe import describe
from .differences import explain_difference
from .keras import from_keras, to_keras
from .onnx_nodes import from_onnx, to_onnx
from .params import CONVENTIONS, from_params, to_params
from .torch import from_torch, to_torch

__all__ = [
    'CONVENTIONS',
    'Convention',
    'describe',
    'explain_difference',
    'from_keras',
    'from_onnx',
    'from_params',
    'from_torch',
    'to_keras',
    'to_onnx',
    'to_params',
    'to_torch',
]
