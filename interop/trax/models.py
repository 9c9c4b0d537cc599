"""trax.models where it differs from retrax.models.

Its recurrent models end in raw logits, and Resnet has one size.
"""

from collections.abc import Callable

from ... import layers as tl
from ... import models


def GRULM(
    vocab_size: int = 256, d_model: int = 512, n_layers: int = 1, mode: str = 'train'
) -> tl.Serial:
    """Returns retrax.models.GRULM without its LogSoftmax, and with Trax's defaults."""
    return _logits(models.GRULM(vocab_size, d_model, n_layers, mode))


def RNNLM(
    vocab_size: int,
    d_model: int = 512,
    n_layers: int = 2,
    rnn_cell: Callable[..., tl.Layer] = tl.LSTMCell,
    rnn_cell_d_state_multiplier: int = 2,
    dropout: float = 0.1,
    mode: str = 'train',
) -> tl.Serial:
    """Returns retrax.models.RNNLM without its LogSoftmax, and with Trax's defaults."""
    return _logits(
        models.RNNLM(
            vocab_size, d_model, n_layers, rnn_cell, rnn_cell_d_state_multiplier, dropout, mode
        )
    )


def Resnet50(
    d_hidden: int = 64,
    n_output_classes: int = 1001,
    mode: str = 'train',
    norm: Callable[..., tl.Layer] = tl.BatchNorm,
    non_linearity: Callable[..., tl.Layer] = tl.Relu,
) -> tl.Serial:
    """Returns retrax.models.Resnet of 50 layers, its arguments in Trax's order."""
    return models.Resnet(
        d_hidden, n_output_classes, norm=norm, non_linearity=non_linearity, mode=mode
    )


def _logits(model):
    *parts, _log_softmax = model.sublayers
    return tl.Serial(*parts)


__all__ = ['GRULM', 'RNNLM', 'Resnet50']
