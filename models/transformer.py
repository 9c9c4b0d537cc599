"""Transformers that read a whole text: a classifier of it, and a writer of another text."""

from collections.abc import Callable, Sequence

from .. import layers as tl
from ..layers.checks import positive
from .transformer_blocks import Blocks


def TransformerEncoder(
    vocab_size: int,
    n_classes: int = 10,
    d_model: int = 512,
    d_ff: int = 2048,
    n_layers: int = 6,
    n_heads: int = 8,
    max_len: int = 2048,
    dropout: float = 0.1,
    dropout_shared_axes: Sequence[int] | None = None,
    mode: str | None = None,
    ff_activation: Callable[[], tl.Layer] = tl.Relu,
    masked_mean: bool = False,
) -> tl.Serial:
    """Returns a classifier that gives a score (a logit) of each class for a text.

    Attention does not see padding, id 0. The mean over places that comes before the scores does,
    as in Trax: a text that is padded further has other scores. With masked_mean it is that of the
    text alone, and padding changes nothing.

    Shapes: ids (b, t) -> (b, n_classes).

    Args:
      vocab_size: how many ids there are.
      n_classes: how many classes there are.
      d_model: the width of the embedding and between blocks.
      d_ff: the width within the feed-forward part of a block.
      n_layers: how many blocks.
      n_heads: how many heads attention has.
      max_len: how long a text may be.
      dropout: the rate of all dropouts, and of strengths of attention.
      dropout_shared_axes: axes along which values that are left out share their fate.
      mode: as for every layer; in predict it reads a whole text at every call.
      ff_activation: makes the activation of a feed-forward part.
      masked_mean: whether the mean leaves padding out.

    Raises:
      ValueError: a size is not a positive int; n_heads does not divide d_model; a text is longer
        than max_len.

    Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.1, with the norms before the parts;
    Trax 1.4.1, trax.models.transformer.TransformerEncoder.
    """
    positive(n_layers, 'TransformerEncoder: n_layers')
    blocks = Blocks(
        d_model, d_ff, n_heads, dropout, dropout_shared_axes, mode, ff_activation, max_len
    )
    return tl.Serial(
        tl.Branch([], tl.PaddingMask()),  # ids, mask
        tl.Embedding(vocab_size, d_model),
        blocks.drop(),
        tl.InMode(blocks.positions(), predict='eval'),
        [blocks.encoder() for _ in range(n_layers)],
        [] if masked_mean else tl.Select([0], n_in=2),  # drops the mask
        tl.LayerNorm(),
        _masked_mean() if masked_mean else tl.Mean(axis=1),
        tl.Dense(n_classes),
    )


def _masked_mean():
    by_step = tl.Parallel([], tl.Flatten())  # vec, mask (b, t)
    return [by_step, tl.InMode(tl.MaskedMean(), predict='eval')]


def Transformer(
    input_vocab_size: int,
    output_vocab_size: int | None = None,
    d_model: int = 512,
    d_ff: int = 2048,
    n_encoder_layers: int = 6,
    n_decoder_layers: int = 6,
    n_heads: int = 8,
    max_len: int = 2048,
    dropout: float = 0.1,
    dropout_shared_axes: Sequence[int] | None = None,
    mode: str = 'train',
    ff_activation: Callable[[], tl.Layer] = tl.Relu,
) -> tl.Serial:
    """Returns a model that reads a text and gives a score (a logit) of each next token of another.

    In predict the encoder reads its text at the first call; at the calls that follow the decoder
    steps, and what stands at the first input is not looked at. A new state is for a new text, and
    is as long as it: `init` with the text's signature makes one.

    Shapes: source ids (b, s), target ids (b, t) -> scores (b, t, output_vocab_size), target ids.

    Args:
      input_vocab_size: how many ids the source has; id 0 is padding.
      output_vocab_size: how many ids the target has; None: those of the source, with the same
        embedding.
      d_model: the width of the embeddings and between blocks.
      d_ff: the width within the feed-forward part of a block.
      n_encoder_layers: how many blocks read.
      n_decoder_layers: how many blocks write.
      n_heads: how many heads attention has.
      max_len: how long a text may be.
      dropout: the rate of all dropouts, and of strengths of attention.
      dropout_shared_axes: axes along which values that are left out share their fate.
      mode: as for every layer; in a model of two inputs layers follow if they were told one.
      ff_activation: makes the activation of a feed-forward part.

    State: in predict, what the encoder gave, and that of CausalAttention and PositionalEncoding.

    Raises:
      ValueError: a size is not a positive int; n_heads does not divide d_model; a text is longer
        than max_len.
      StateError: the state was made for a source of another length.

    Source: Vaswani et al. 2017, arXiv 1706.03762, with the norms before the parts; Trax 1.4.1,
    trax.models.transformer.Transformer.
    """
    positive(n_encoder_layers, 'Transformer: n_encoder_layers')
    positive(n_decoder_layers, 'Transformer: n_decoder_layers')
    blocks = Blocks(
        d_model, d_ff, n_heads, dropout, dropout_shared_axes, mode, ff_activation, max_len
    )
    source = tl.Embedding(input_vocab_size, d_model)
    target = source if output_vocab_size is None else tl.Embedding(output_vocab_size, d_model)
    encoder = tl.Serial(blocks.stack(source, blocks.encoder, n_encoder_layers))
    return tl.Serial(
        tl.Select([0, 1, 1]),  # ids_e, ids_d, ids_d: the last are for a loss
        tl.Branch([], tl.PaddingMask()),  # ids_e, mask, ids_d, ids_d
        tl.Cache(tl.InMode(encoder, predict='eval'), mode=mode),  # vec_e, mask, ids_d, ids_d
        tl.Select([2, 1, 0]),  # ids_d, mask, vec_e, ids_d
        tl.ShiftRight(mode=mode),
        target,  # vec_d, mask, vec_e, ids_d
        blocks.drop(),
        blocks.positions(),
        tl.Branch([], tl.EncoderDecoderMask()),  # vec_d, mask of each step, vec_e, ids_d
        [blocks.encoder_decoder() for _ in range(n_decoder_layers)],
        tl.LayerNorm(),
        tl.Select([0], n_in=3),  # vec_d, ids_d
        tl.Dense(output_vocab_size or input_vocab_size),
    )
