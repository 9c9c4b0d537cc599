"""A language model of long short-term memories."""

from .. import layers as tl
from ..layers.checks import positive


def LSTMLM(
    vocab_size: int = 256, d_model: int = 512, n_layers: int = 2, mode: str | None = None
) -> tl.Serial:
    """Returns GRULM with LSTMs in the place of its GRUs.

    Shapes: x (b, t) of ids -> (b, t, vocab_size).

    Args:
      vocab_size: how many ids there are.
      d_model: the width of the embedding and of each LSTM.
      n_layers: how many LSTMs.
      mode: for ShiftRight; the other layers follow.

    Raises:
      ValueError: a size is not a positive int.
    """
    positive(n_layers, 'LSTMLM: n_layers')
    return tl.Serial(
        tl.ShiftRight(mode=mode),
        tl.Embedding(vocab_size, d_model),
        [tl.LSTM(d_model) for _ in range(n_layers)],
        tl.Dense(vocab_size),
        tl.LogSoftmax(),
    )
