"""A classifier: one category for a whole sequence."""

from collections.abc import Callable

from .. import layers as tl
from .rnn_encoder import Padding, encoder


def RNNClassifier(
    vocab_size: int = 256,
    n_classes: int = 2,
    d_model: int = 128,
    n_layers: int = 1,
    rnn_cell: Callable[..., tl.RecurrentCell] = tl.GRUCell,
    bidirectional: bool = False,
    padding: Padding = 'ids',
    dropout: float = 0.1,
    mode: str | None = None,
) -> tl.Serial:
    """Returns a model that gives log-probabilities of a class for each row.

    A recurrent network, the mean of its outputs over the valid steps, and logistic regression.
    Padding changes nothing, so a row gives the same alone and in a batch.

    Shapes: ids (b, t), and with padding='mask' a mask (b, t) -> (b, n_classes).

    Args:
      vocab_size: how many ids there are.
      n_classes: how many classes there are.
      d_model: the width of the embedding and of each cell.
      n_layers: how many recurrent layers.
      rnn_cell: makes a cell from n_units.
      bidirectional: whether each layer runs in both directions; if not, predict reads a row in
        pieces, and the output is that of all of it so far.
      padding: 'ids' where id 0 is padding, 'mask' where a mask says what is not.
      dropout: the rate of the dropout after the embedding.
      mode: as for every layer.

    Raises:
      ValueError: a size is not a positive int; an unknown padding.

    Source: the sentiment example of the Theano tutorials (Carrier and Cho 2015, LSTM Networks for
    Sentiment Analysis), which has an LSTM.
    """
    mean = tl.MaskedMean(mode)
    if bidirectional:  # which reads whole rows in predict too, so there is nothing to go on from
        mean = tl.InMode(mean, predict='eval')
    return tl.Serial(
        encoder(
            *('RNNClassifier', vocab_size, d_model, n_layers),
            *(rnn_cell, bidirectional, padding, dropout, mode),
        ),
        mean,
        tl.Dense(n_classes),
        tl.LogSoftmax(),
    )
