"""A language model of gated recurrent units."""

from .. import layers as tl
from ..layers.checks import positive


def GRULM(
    vocab_size: int = 256, d_model: int = 512, n_layers: int = 2, mode: str | None = None
) -> tl.Serial:
    """Returns a recurrent language model that gives log-probabilities of each next token.

    Trax's model of the same name ends in raw logits; this one ends in LogSoftmax, as in the
    courses that teach it.

    Shapes: x (b, t) of ids -> (b, t, vocab_size).

    Args:
      vocab_size: how many ids there are.
      d_model: the width of the embedding and of each GRU.
      n_layers: how many GRUs.
      mode: for ShiftRight; the other layers follow.

    Raises:
      ValueError: a size is not a positive int.
    """
    positive(n_layers, 'GRULM: n_layers')
    return tl.Serial(
        tl.ShiftRight(mode=mode),
        tl.Embedding(vocab_size, d_model),
        [tl.GRU(d_model) for _ in range(n_layers)],
        tl.Dense(vocab_size),
        tl.LogSoftmax(),
    )
