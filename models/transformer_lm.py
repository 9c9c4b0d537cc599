"""Transformers that do not look ahead: a language model, and what it has before its last layer."""

from collections.abc import Callable, Sequence

from .. import layers as tl
from ..layers.checks import positive
from .transformer_blocks import Blocks


def TransformerLM(
    vocab_size: int,
    d_model: int = 512,
    d_ff: int = 2048,
    n_layers: int = 6,
    n_heads: int = 8,
    max_len: int = 2048,
    dropout: float = 0.1,
    dropout_shared_axes: Sequence[int] | None = None,
    mode: str | None = None,
    ff_activation: Callable[[], tl.Layer] = tl.Relu,
) -> tl.Serial:
    """Returns a language model that gives a score (a logit) of each next token.

    Shapes: x (b, t) of ids -> (b, t, vocab_size).

    Args:
      vocab_size: how many ids there are.
      d_model: the width of the embedding and between blocks.
      d_ff: the width within the feed-forward part of a block.
      n_layers: how many blocks.
      n_heads: how many heads attention has.
      max_len: how long a text may be; in predict, what has room in the cache.
      dropout: the rate of all dropouts, and of strengths of attention.
      dropout_shared_axes: axes along which values that are left out share their fate.
      mode: as for every layer.
      ff_activation: makes the activation of a feed-forward part.

    State: in predict and with carry, that of CausalAttention and PositionalEncoding.

    Raises:
      ValueError: a size is not a positive int; n_heads does not divide d_model; a text is longer
        than max_len.

    Source: Radford et al. 2018, Improving Language Understanding by Generative Pre-Training, with
    the norms before the parts; Trax 1.4.1, trax.models.transformer.TransformerLM.
    """
    positive(n_layers, 'TransformerLM: n_layers')
    blocks = Blocks(
        d_model, d_ff, n_heads, dropout, dropout_shared_axes, mode, ff_activation, max_len
    )
    return tl.Serial(
        tl.ShiftRight(mode=mode),
        blocks.stack(tl.Embedding(vocab_size, d_model), blocks.decoder, n_layers),
        tl.Dense(vocab_size),
    )


def TransformerDecoder(
    vocab_size: int | None = None,
    d_model: int = 512,
    d_ff: int = 2048,
    n_layers: int = 6,
    n_heads: int = 8,
    max_len: int = 2048,
    dropout: float = 0.1,
    dropout_shared_axes: Sequence[int] | None = None,
    mode: str | None = None,
    ff_activation: Callable[[], tl.Layer] = tl.Relu,
) -> tl.Serial:
    """Returns a Transformer that does not look ahead, without ShiftRight and without scores.

    Shapes: x (b, t) of ids, or (b, t, ...) of vectors -> (b, t, d_model).

    Args:
      vocab_size: how many ids there are; None where vectors are given.
      d_model, d_ff, n_layers, n_heads, max_len, dropout, dropout_shared_axes, mode, ff_activation:
        as for TransformerLM.

    State: in predict and with carry, that of CausalAttention and PositionalEncoding.

    Raises:
      ValueError: as TransformerLM.

    Source: Trax 1.4.1, trax.models.transformer.TransformerDecoder, which has no positions to go on
    from in predict.
    """
    positive(n_layers, 'TransformerDecoder: n_layers')
    blocks = Blocks(
        d_model, d_ff, n_heads, dropout, dropout_shared_axes, mode, ff_activation, max_len
    )
    first = tl.Dense(d_model) if vocab_size is None else tl.Embedding(vocab_size, d_model)
    return tl.Serial(blocks.stack(first, blocks.decoder, n_layers))
