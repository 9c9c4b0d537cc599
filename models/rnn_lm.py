"""A language model of any recurrent cell, stacked inside one loop over time."""

from collections.abc import Callable

from .. import layers as tl
from ..layers.checks import positive


def RNNLM(
    vocab_size: int,
    d_model: int = 512,
    n_layers: int = 2,
    rnn_cell: Callable[..., tl.Layer] = tl.LSTMCell,
    rnn_cell_d_state_multiplier: int = 2,
    dropout: float = 0.1,
    mode: str | None = None,
) -> tl.Serial:
    """Returns a recurrent language model that gives log-probabilities of each next token.

    The cells are stacked at each step and the stack is scanned along time, so any cell will do;
    GRULM, whose layers run one after another over all of time, computes faster. Trax's model of
    the same name ends in raw logits, and takes n_layers = 2 only.

    Shapes: x (b, t) of ids -> (b, t, vocab_size).

    Args:
      vocab_size: how many ids there are.
      d_model: the width of the embedding and of each cell.
      n_layers: how many cells.
      rnn_cell: makes a cell from n_units: it takes x and a state, and gives an output and a state.
      rnn_cell_d_state_multiplier: the width of a cell's state, in units: 2 for LSTMCell, 1 for
        GRUCell.
      dropout: the rate of the dropout after the embedding.
      mode: for ShiftRight; the other layers follow.

    State: in predict and with carry, the states of all cells joined at the last axis.

    Raises:
      ValueError: a size is not a positive int; a state is of another width than the cell's.

    Source: Trax 1.4.1, trax.models.rnn.RNNLM.
    """
    positive(n_layers, 'RNNLM: n_layers')
    cells = [rnn_cell(n_units=d_model) for _ in range(n_layers)]
    one_step = tl.Serial(  # x, states
        tl.Parallel([], tl.Split(n_layers)),  # x, state 1, state 2, ...
        tl.SerialWithSideOutputs(cells),
        tl.Parallel([], tl.Concatenate(n_layers)),
    )
    return tl.Serial(
        tl.ShiftRight(mode=mode),
        tl.Embedding(vocab_size, d_model),
        tl.Dropout(dropout),
        tl.Branch([], tl.MakeZeroState(n_layers * rnn_cell_d_state_multiplier)),
        tl.Scan(one_step, axis=1),
        tl.Select([0], n_in=2),  # drops the last states
        tl.Dense(vocab_size),
        tl.LogSoftmax(),
    )
