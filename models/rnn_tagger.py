"""A tagger: a category for each step of a sequence."""

from collections.abc import Callable

from .. import layers as tl
from .rnn_encoder import Padding, encoder


def RNNTagger(
    vocab_size: int = 256,
    n_tags: int = 2,
    d_model: int = 128,
    n_layers: int = 1,
    rnn_cell: Callable[..., tl.RecurrentCell] = tl.GRUCell,
    bidirectional: bool = True,
    padding: Padding = 'ids',
    dropout: float = 0.1,
    mode: str | None = None,
) -> tl.Serial:
    """Returns a model that gives log-probabilities of a tag for each step.

    Read from both ends, a step's tag may depend on what comes after it. Padding changes nothing
    at other steps; what comes out at padding means nothing.

    Shapes: ids (b, t), and with padding='mask' a mask (b, t) -> (b, t, n_tags).

    Args:
      vocab_size: how many ids there are.
      n_tags: how many tags there are.
      d_model: the width of the embedding and of each cell.
      n_layers: how many recurrent layers.
      rnn_cell: makes a cell from n_units.
      bidirectional: whether each layer runs in both directions; if not, the model is causal and
        steps in predict.
      padding: 'ids' where id 0 is padding, 'mask' where a mask says what is not.
      dropout: the rate of the dropout after the embedding.
      mode: as for every layer.

    Raises:
      ValueError: a size is not a positive int; an unknown padding.
    """
    return tl.Serial(
        encoder(
            *('RNNTagger', vocab_size, d_model, n_layers),
            *(rnn_cell, bidirectional, padding, dropout, mode),
        ),
        tl.Select([0], n_in=2),  # drops the mask
        tl.Dense(n_tags),
        tl.LogSoftmax(),
    )
