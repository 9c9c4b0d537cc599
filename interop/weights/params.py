"""Cells whose weights are a tree of arrays: Flax, Haiku, Equinox, and libraries at rest."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...combinators import Layer, mismatch
from . import equinox, flax, haiku, keras, older, onnx_nodes, torch
from .cells import arrays_of, cell_of, chosen, weights_of
from .convention import Convention, Kernel
from .stacks import cells_of, stacked

CONVENTIONS: dict[str, Convention] = {
    convention.name: convention
    for module in (torch, keras, onnx_nodes, flax, haiku, equinox, older)
    for convention in module.CONVENTIONS
}


def named(name: str) -> list[Convention]:
    """Returns the conventions of a framework, or the one of a name such as 'flax.GRUCell'.

    Raises:
      ValueError: there is none of that name.
    """
    found = [c for n, c in CONVENTIONS.items() if name in (n, n.partition('.')[0])]
    if not found:
        frameworks = sorted({n.partition('.')[0] for n in CONVENTIONS})
        raise mismatch('the framework', f'one of {frameworks} or of their cells', repr(name))
    return found


def from_params(tree: Any, framework: str, activation: str | None = None, **options: Any) -> Layer:
    """Returns the layer that computes what cells of a framework do, along time.

    >>> arrays = {'w_i': np.ones((2, 9)), 'w_h': np.ones((3, 9)), 'b': np.ones(9)}
    >>> from_params({'gru': arrays}, 'haiku').cell.update
    'keeps_new'

    Args:
      tree: the arrays of one cell, nested as the framework nests them; modules around it, such as
        'params' and 'cell', may stand above. Of an Equinox cell vars(cell). A list of trees is
        of layers one above the other; a pair in it, (forwards, backwards), of a layer in both
        directions, whose outputs are side by side.
      framework: 'flax' (linen), 'nnx', 'haiku', 'equinox', 'trax', 'tf1', 'd2l', 'theano'; or the
        name of one of CONVENTIONS, where the arrays alone do not say which.
      activation: of a plain RNN; the default of the framework.
      options: padding, initial_state, return_state, reverse and mode, see `stacked`.

    Raises:
      ValueError: the arrays are none of the framework's cells, or of more than one.
    """
    conventions = named(framework)
    layers = tree if isinstance(tree, list) else [tree]
    cells = [
        [_cell(one, conventions, activation) for one in (both if _is_pair(both) else [both])]
        for both in layers
    ]
    return stacked(cells, **options)


def to_params(layer: Layer, framework: str, bias: bool = True) -> Any:
    """Returns the arrays, nested, of the cells of a framework that compute the same as a layer.

    Of one layer in one direction it is one tree; else a list, as `from_params` takes it.

    Args:
      layer: a recurrent layer, a stack of them, Bidirectional ones.
      framework: as in `from_params`; the first of its cells that is such a cell.
      bias: whether the cells have biases.

    Raises:
      ValueError: the framework has no such cell.
    """
    layers = [[_tree(*one, framework, bias) for one in cells] for cells in cells_of(layer)]
    trees = [cells[0] if len(cells) == 1 else tuple(cells) for cells in layers]
    return trees[0] if len(trees) == 1 and not _is_pair(trees[0]) else trees


def _is_pair(tree):
    return isinstance(tree, tuple)


def _cell(tree, conventions, activation):
    """Returns the cell that a tree is of, and its weights."""
    flat = {name: a for name, a in _flat(tree) if getattr(a, 'ndim', 0)}
    convention, arrays = _matching(flat, conventions)
    cell = cell_of(arrays, convention, activation)
    return cell, weights_of(cell, arrays, convention)


def _tree(cell, weights, framework, bias):
    convention = chosen(named(framework), cell)
    convention = convention if bias else convention.without_biases()
    tree: dict[str, Any] = {}
    for name, array in arrays_of(cell, weights, convention).items():
        *around, last = name.split('/')
        place = tree
        for part in around:
            place = place.setdefault(part, {})
        place[last] = np.asarray(array)
    return tree


def _flat(tree, around=''):
    """Yields the leaves of nested mappings with their paths."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f'{around}{name}/')
        else:
            yield f'{around}{name}', value


def _matching(flat, conventions):
    """Returns the convention whose arrays these are, and the arrays by their names there."""
    found = []
    for convention in conventions:
        names = {a.name: isinstance(a, Kernel) for a in convention.arrays}
        for around in _around(flat, convention.arrays[0].name):
            arrays = {name[len(around) :]: a for name, a in flat.items()}
            kernels = {name for name, needed in names.items() if needed}
            if kernels <= set(arrays) <= set(names) and _fits(arrays, convention):
                found.append((convention, arrays))
    if len(found) != 1:
        what = 'arrays of several cells' if found else f'{list(flat)}'
        fits = ', '.join(c.name for c, _ in found)
        fix = f'They could be {fits}: name one.' if found else 'Give those of one cell.'
        raise mismatch('the arrays', f'those of one of {[c.name for c in conventions]}', what, fix)
    return found[0]


def _around(flat, name):
    """Returns what may stand before the names of a cell."""
    return [n.removesuffix(name) for n in flat if n == name or n.endswith(f'/{name}')]


def _fits(arrays, convention):
    """Whether the recurrent kernels have as many gates as a convention."""
    for a in convention.arrays:
        if isinstance(a, Kernel) and 'h' in a.of:
            rows, columns = arrays[a.name].shape[:: -1 if a.outputs_first else 1]
            n = columns // len(a.gates)
            if n * len(a.gates) != columns or (rows != n if a.of == 'h' else rows <= n):
                return False
    return True
