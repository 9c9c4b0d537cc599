"""forced: a model whose gates, candidates or states are held at numbers: what if?"""

import copy
import math
from collections.abc import Iterable, Mapping
from typing import Any

from ..combinators import mismatch
from ..combinators.paths import places
from ..layers import Recurrent, RecurrentCell
from ..layers.named import Hold
from ..layers.watched import names


def forced(
    model: Any,
    values: Mapping[str, float],
    steps: Iterable[int] | None = None,
    units: Iterable[int] | None = None,
) -> Any:
    """Returns a model like another, in which named values of recurrent layers are held.

        forced(model, {'GRU#1.u': 1.0})                        GRU#1 keeps its first state
        forced(model, {'GRU#1.u': 0.0, 'GRU#1.r': 1.0})        a plain RNN
        forced(model, {'GRU#2.h': 0.0}, units=[17])            without unit 17

    The names are those of the cell's formula: of a GRU u, r, c and h; `recurrent_names` lists
    them. The new model holds the same arrays at this moment, its states are states of the
    other, and it is trained, run and decoded like any. A layer that stands at two places is held
    at both. A cell that a Scan runs is held like a layer, at all of its steps.

    Args:
      model: a layer, or a view of one.
      values: a number for 'path.name'.
      steps: at which it is held, counted from the beginning of a sequence; all by default. Steps
        cannot be chosen for predict or carry, and not for a cell in a Scan.
      units: which are held; all by default.

    Raises:
      ValueError: there is no such name, unit or step; a value is no finite number.
    """
    model = copy.deepcopy(model)
    vars(model).pop('_views', None)  # they show the layers as they were
    cells = {path: (layer, cell) for path, layer, cell in _cells(model)}
    for address, value in values.items():
        path, _, name = address.rpartition('.')
        if path not in cells or name not in names(cells[path][1]):
            known = ', '.join(recurrent_names(model)) or 'none: it has no recurrent layer with any'
            raise ValueError(f'forced: expected a name of {model.name}: {known}; got {address!r}')
        layer, cell = cells[path]
        if layer is cell and steps is not None:
            raise ValueError(
                f'forced: {path} runs one step at a time and does not know which; hold it at all '
                'steps, or make the layer of Recurrent'
            )
        hold = Hold(name, _number(address, value), _units(layer, cell, units), _steps(steps))
        layer._tl_holds = (*layer._tl_holds, hold)
    return model


def recurrent_names(model: Any) -> list[str]:
    """Returns the names of values inside of a model's recurrent layers, such as 'GRU#1.u'."""
    found = _cells(model)
    return [f'{path}.{name}'.lstrip('.') for path, _, cell in found for name in names(cell)]


def _cells(model):
    """Yields the place, layer and cell of each recurrent layer, which a Scan's cell is itself."""
    for path, layer in places(model):
        if isinstance(layer, Recurrent):
            yield path, layer, layer.cell
        elif isinstance(layer, RecurrentCell):
            yield path, layer, layer


def _number(address, value):
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise mismatch(f'forced: {address}', 'a finite number', repr(value))
    return float(value)


def _steps(steps):
    if steps is None:
        return None
    found = frozenset(steps)
    if not all(isinstance(step, int) and step >= 0 for step in found):
        raise mismatch('forced: steps', 'whole numbers from 0 on', sorted(found))
    return found


def _units(layer, cell, units):
    if units is None:
        return None
    found, n = tuple(units), cell.n_units
    if not all(isinstance(unit, int) and 0 <= unit < n for unit in found):
        raise mismatch(
            'forced: units', f'whole numbers from 0 to {n - 1}, of {layer.name}', list(found)
        )
    return found
