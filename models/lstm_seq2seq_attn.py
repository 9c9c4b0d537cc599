"""LSTMs that read a text, and LSTMs that write another while they attend to what was read."""

from .. import layers as tl
from ..layers.checks import positive


def LSTMSeq2SeqAttn(
    input_vocab_size: int = 256,
    target_vocab_size: int = 256,
    d_model: int = 512,
    n_encoder_layers: int = 2,
    n_decoder_layers: int = 2,
    n_attention_heads: int = 1,
    attention_dropout: float = 0.0,
    mode: str = 'train',
) -> tl.Serial:
    """Returns a model that reads a text and gives log-probabilities of each next token of another.

    LSTMs read the source. Another one reads the target, shifted right, and its outputs are the
    queries of attention to the source, which does not see padding; LSTMs above turn into tokens
    what it found.

    In predict the source is read at the first call; at the calls that follow the decoder steps,
    and what stands at the first input is not looked at. A new state is for a new text, and is as
    long as it: `init` with the text's signature makes one.

    Shapes: source ids (b, s), target ids (b, t) -> (b, t, target_vocab_size), target ids.

    Args:
      input_vocab_size: how many ids the source has; id 0 is padding, after the text.
      target_vocab_size: how many ids the target has.
      d_model: the width of the embeddings, of each LSTM and of attention.
      n_encoder_layers: how many LSTMs read.
      n_decoder_layers: how many LSTMs write, above attention.
      n_attention_heads: how many heads attention has.
      attention_dropout: the rate at which strengths of attention are left out in train.
      mode: as for every layer; in a model of two inputs layers follow if they were told one.

    State: in predict, what the encoder and its keys and values gave, and that of each LSTM of the
      decoder.

    Raises:
      ValueError: a size is not a positive int; n_attention_heads does not divide d_model.
      StateError: the state was made for a source of another length.

    Source: Bahdanau et al. 2014, arXiv 1409.0473, for attention between recurrent layers; Trax
    1.4.1, trax.models.rnn.LSTMSeq2SeqAttn.
    """
    positive(n_encoder_layers, 'LSTMSeq2SeqAttn: n_encoder_layers')
    positive(n_decoder_layers, 'LSTMSeq2SeqAttn: n_decoder_layers')
    encoder = tl.Serial(
        tl.Embedding(input_vocab_size, d_model),
        [tl.LSTM(d_model) for _ in range(n_encoder_layers)],
    )
    source = tl.InMode(tl.Branch(encoder, tl.PaddingMask()), predict='eval')
    queries = tl.Serial(
        tl.ShiftRight(mode=mode),
        tl.Embedding(target_vocab_size, d_model),
        tl.LSTM(d_model, mode=mode),
    )
    attention = tl.AttentionQKV(
        d_model, n_attention_heads, attention_dropout, mode, cache_KV_in_predict=True
    )
    return tl.Serial(
        tl.Select([0, 1, 1]),  # ids_e, ids_d, ids_d: the last are for a loss
        tl.Cache(source, mode=mode),  # vec_e, mask, ids_d, ids_d
        tl.Select([2, 0, 0, 1]),  # ids_d, vec_e, vec_e, mask, ids_d
        queries,  # vec_d, vec_e, vec_e, mask, ids_d
        tl.Residual(attention),  # vec_d, mask, ids_d
        tl.Select([0], n_in=2),  # vec_d, ids_d
        [tl.LSTM(d_model, mode=mode) for _ in range(n_decoder_layers)],
        tl.Dense(target_vocab_size),
        tl.LogSoftmax(),
    )
