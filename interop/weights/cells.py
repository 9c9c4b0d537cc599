"""Our own cells as conventions, and the cell of ours that computes what a convention does."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ...combinators import mismatch
from ...layers import GRUCell, LSTMCell, RecurrentCell, RNNCell
from .convention import Bias, Convention, Kernel
from .conversion import Arrays, convert, read

ACTIVATIONS = {
    'tanh': jnp.tanh,
    'relu': jax.nn.relu,
    'sigmoid': jax.nn.sigmoid,
    'linear': lambda x: x,
}

_GATES = (Kernel('w1', 'xh', 'ur'), Bias('b1', 'x', 'ur'))
_BEFORE = (*_GATES, Kernel('w2', 'xh', 'c'), Bias('b2', 'x', 'c'))
_AFTER = (*_GATES, Kernel('w2', 'x', 'c'), Bias('b2', 'x', 'c'), Kernel('u2', 'h', 'c'))
_LSTM = (Kernel('w', 'xh', 'ijfo'), Bias('b', 'x', 'ijfo'))
_RNN = (Kernel('w', 'xh', 's'), Bias('b', 'x', 's'))


def ours(cell: RecurrentCell) -> Convention:
    """Returns the convention of a cell.

    Raises:
      ValueError: it is none that other frameworks have, or its gates are given.
    """
    name = f'retrax.{type(cell).__name__}'
    if type(cell) is LSTMCell:
        return Convention(name, 'lstm', _LSTM)
    if type(cell) is RNNCell:
        return Convention(name, 'rnn', _RNN, activations=(_activation(cell),))
    if type(cell) is not GRUCell:
        raise mismatch('the cell', 'a GRUCell, LSTMCell or RNNCell', type(cell).__name__)
    if cell.given_gates:
        gates = ' and '.join(f'{gate}_gate={value}' for gate, value in cell.given_gates.items())
        raise mismatch('the cell', 'a GRUCell that learns its gates', f'{gates}, which is given')
    arrays = _BEFORE if cell.reset == 'before' else _AFTER
    if 'c2' in cell.weights_type._fields:
        arrays = (*arrays, Bias('c2', 'h', 'c'))
    return Convention(name, 'gru', arrays, cell.reset, cell.update)


def cell_of(arrays: Arrays, convention: Convention, activation: str | None = None) -> RecurrentCell:
    """Returns the cell of ours, without weights, that computes what a convention does.

    Args:
      arrays: those of the convention.
      convention: theirs.
      activation: of an RNN; that of the convention by default.
    """
    gates = read(arrays, convention)
    n = next(iter(gates.values())).of_h.shape[1]
    if convention.cell == 'lstm':
        return LSTMCell(n)
    if convention.cell == 'rnn':
        return RNNCell(n, ACTIVATIONS[activation or convention.activations[0]])
    separate = gates['c'].of_h_bias is not None
    return GRUCell(n, reset=convention.reset, update=convention.update, recurrent_bias=separate)


def weights_of(cell: RecurrentCell, arrays: Arrays, convention: Convention) -> Any:
    """Returns the weights of one of our cells from arrays of a convention."""
    return cell.weights_type(**convert(arrays, convention, ours(cell)))


def arrays_of(cell: RecurrentCell, weights: Any, convention: Convention) -> dict[str, Any]:
    """Returns the arrays of a convention from the weights of one of our cells."""
    mine = ours(cell)
    if mine.cell == 'rnn' and mine.activations[0] not in convention.activations:
        have = ' or '.join(convention.activations)
        raise mismatch(f'to {convention.name}: the activation', have, mine.activations[0])
    return convert(weights._asdict(), mine, convention)


def _activation(cell):
    names: Mapping[Any, str] = {function: name for name, function in ACTIVATIONS.items()}
    return names.get(cell.activation, getattr(cell.activation, '__name__', 'a function'))


def chosen(conventions: Sequence[Convention], cell: RecurrentCell) -> Convention:
    """Returns the convention of those that a cell is to be written in.

    Raises:
      ValueError: none is of such a cell.
    """
    mine = ours(cell)
    same = [c for c in conventions if c.cell == mine.cell]
    if not same:
        raise mismatch('the cell', f'one of {", ".join(c.name for c in conventions)}', mine.name)
    return next((c for c in same if c.reset == mine.reset), same[0])


def n_gates(kernel: Any, outputs_first: bool) -> int:
    """Returns how many gates a recurrent kernel has."""
    rows, columns = kernel.shape[::-1] if outputs_first else kernel.shape
    return columns // rows
