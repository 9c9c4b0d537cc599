"""describe: what a recurrent layer computes, with the names and shapes of its weights."""

import inspect
from typing import Any

import numpy as np

from ...combinators import Layer, leaves, mismatch
from ...layers import Recurrent, RecurrentCell
from .cells import ours
from .equations import LEGENDS, equations


def describe(layer: Layer) -> str:
    """Returns the equations of the recurrent layers of a model, and their weights, as text.

    >>> from retrax import layers as tl
    >>> print(describe(tl.RNN(4)))
    RNN_4
      h' = tanh([x, h] w + b)
      state (b, 4)
      no weights yet: init makes them

    Args:
      layer: a recurrent layer, a cell, or a model that has such layers.

    Raises:
      ValueError: there are none.
    """
    found = [leaf for leaf in leaves(layer) if isinstance(leaf, Recurrent | RecurrentCell)]
    if not found:
        raise mismatch('the layer', 'one with recurrent layers, such as GRU(8)', repr(layer))
    return '\n\n'.join('\n'.join([leaf.name, *_lines(leaf)]) for leaf in found)


def _lines(layer):
    cell: RecurrentCell = layer.cell if isinstance(layer, Recurrent) else layer
    lines = _equations(cell)
    lines.append(f'state (b, {" + ".join(map(str, cell.state_widths))})')
    if not layer.has_weights:
        lines.append('no weights yet: init makes them')
    else:
        lines += [f'{name} {np.shape(a)}' for name, a in layer.named_weights().items()]
    return [f'  {line}' for line in lines]


def _equations(cell):
    try:
        convention = ours(cell)
    except ValueError:  # a cell of its own kind: what its documentation says
        return _formula(cell)
    lines = equations(convention)
    legend = LEGENDS[convention.cell]
    return lines + [', '.join(f'{g}: {name}' for g, name in legend.items())] * bool(legend)


def _formula(cell: Any) -> list[str]:
    """Returns the first indented block of a cell's documentation, and the gates that are given."""
    text = inspect.getdoc(type(cell)) or ''
    block = []
    for line in text.splitlines()[1:]:
        if line.startswith('    '):
            block.append(line.strip())
        elif block:
            break
    given = getattr(cell, 'given_gates', {})
    return block + [f'{gate} gate = {value}' for gate, value in given.items()]
