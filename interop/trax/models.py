"""trax.models where it differs from retrax.models."""

from ... import layers as tl
from ... import models


def GRULM(
    vocab_size: int = 256, d_model: int = 512, n_layers: int = 1, mode: str = 'train'
) -> tl.Serial:
    """Returns the recurrent language model that ends in raw logits, as Trax's does."""
    *parts, _log_softmax = models.GRULM(vocab_size, d_model, n_layers, mode).sublayers
    return tl.Serial(*parts)


__all__ = ['GRULM']
