"""Layers of cells one above the other, in one direction or both, and the cells in such a layer."""

from collections.abc import Sequence
from typing import Any, Literal

import jax.numpy as jnp

from ...combinators import Concatenate, Layer, Parallel, Rearrange, Select, Serial, mismatch
from ...combinators.bidirectional import Resting
from ...layers import Recurrent, RecurrentCell

Cells = Sequence[tuple[RecurrentCell, Any]]  # of one layer, for each direction: cell and weights
_BETWEEN = ('Concatenate', 'Dropout')  # what frameworks have there too


def stacked(
    layers: Sequence[Cells],
    mode: str | None = None,
    padding: Literal['lengths', 'mask'] | None = None,
    initial_state: Literal['zeros', 'stack'] = 'zeros',
    return_state: bool = False,
    reverse: bool = False,
) -> Layer:
    """Returns a layer that runs layers of recurrent cells one above the other.

    Inputs, top first: x; with `padding` the lengths or the mask; with initial_state='stack' the
    first states. Outputs, top first: y; with `return_state` the last states. States are in the
    order of the layers, in each that of the forward direction first.

    Args:
      layers: the cells of each with their weights: one, or one for each direction.
      mode: as for every layer.
      padding: see layers.Recurrent.
      initial_state: see layers.Recurrent.
      return_state: see layers.Recurrent.
      reverse: whether the layers of one cell go backwards.
    """
    common = [] if padding is None else ['padding']
    firsts = [[f'first {i} {j}' for j in range(len(cells))] for i, cells in enumerate(layers)]
    given = [name for names in firsts for name in names if initial_state == 'stack']
    stack, lasts = ['x', *common, *given], []
    parts: list[Layer] = []
    for i, cells in enumerate(layers):
        runs = []
        for j, (cell, weights) in enumerate(cells):
            options: Any = (mode, initial_state, return_state, padding)
            runs.append(Recurrent(cell, *options, reverse=reverse or j == 1))
            runs[-1].weights = type(weights)(*map(jnp.asarray, weights))
        own = [name for name in firsts[i] if name in stack]
        taken = [n for j in range(len(runs)) for n in ('x', *common, *own[j : j + 1])]
        left = [name for name in stack if name != 'x' and name not in own]
        parts += _route(stack, taken + left)
        parts.append(runs[0] if len(runs) == 1 else Resting(Parallel(*runs)))
        outputs = [(f'y {j}', f'last {i} {j}')[: 1 + return_state] for j in range(len(runs))]
        stack = [name for names in outputs for name in names] + left
        ys = [names[0] for names in outputs]
        lasts += [name for names in outputs for name in names[1:]]
        below = [name for name in stack if name not in ys]
        parts += _route(stack, ys + below)
        parts += [Concatenate(len(ys))] if len(ys) > 1 else []
        stack = ['x', *below]
    parts += _route(stack, ['x', *lasts])
    return parts[0] if len(parts) == 1 else Serial(*parts)


def _route(before, after):
    """Returns what takes a stack of these names to that one: nothing, or one layer."""
    return [] if before == after else [Select([before.index(n) for n in after], len(before))]


def cells_of(layer: Layer) -> list[Cells]:
    """Returns the cells of a layer as `stacked` takes them.

    Raises:
      ValueError: there are layers with weights besides Recurrent ones, or none of these; the
        directions of a pair are not forward and back; it has a learned initial state.
    """
    found = list(_layers_within(layer))
    if not found:
        raise mismatch('the layer', 'one with recurrent layers, such as GRU(8)', repr(layer))
    return [[_cell(run) for run in runs] for runs in found]


def backwards(layer: Layer) -> list[bool]:
    """Returns for each layer of `cells_of` whether it has one direction, from the last step on."""
    return [[run.goes_back for run in runs] == [True] for runs in _layers_within(layer)]


def _layers_within(layer):
    """Yields the recurrent layers, those that stand side by side as one."""
    if isinstance(layer, Recurrent):
        yield [layer]
    elif isinstance(layer, Parallel):
        runs = [run for sub in layer.sublayers for runs in _layers_within(sub) for run in runs]
        if [run.goes_back for run in runs] != [False, True]:
            raise mismatch('layers side by side', 'one forwards and one backwards', repr(layer))
        yield runs
    elif isinstance(layer, Serial):
        for sub in layer.sublayers:
            yield from _layers_within(sub)
    elif layer.name not in _BETWEEN and not isinstance(layer, Rearrange):
        fix = 'Convert its recurrent layers one by one: model.sublayers are layers.'
        raise mismatch('the layer', 'recurrent layers alone', layer.name, fix)


def _cell(run):
    if not run.has_weights:
        raise mismatch(run.name, 'a layer with weights', 'none', 'Call model.init first.')
    if hasattr(run.weights, 'initial'):
        fix = 'Save its weights.initial by itself, and give it as the first state there.'
        raise mismatch(run.name, 'an initial state of zeros', 'a learned one', fix)
    return run.cell, run.weights
