"""summary: a model as a table, without running it."""

import warnings
from typing import Any, NamedTuple

from rich.console import Group

from ..combinators import LayerError, ModeWarning, Observer, StateError, observing
from .counts import Count, count
from .signatures import candidates, smallest
from .tables import Printed, number, plain, size, table


class Row(NamedTuple):
    """One layer at its place in a model."""

    path: str
    layer: str
    mode: str  # in which it runs, whatever it was told
    outputs: str  # their signature
    weights: Count  # nothing at the second place of a shared layer
    shared: bool
    state: Count | None  # of one batch row in predict; None where predict is not possible
    tried: bool = False  # whether names among the sizes of `outputs` were found by trying numbers


class Summary(Printed):
    """The layers of a model and what they take; prints as a table."""

    def __init__(self, name: str, inputs: Any, rows: list[Row]):
        self.name, self.inputs, self.rows = name, inputs, rows

    @property
    def weights(self) -> Count:
        """How many weights the model has, and their bytes."""
        return sum((row.weights for row in self.rows), Count())

    @property
    def state(self) -> Count | None:
        """How many numbers the model keeps for a batch row in predict, and their bytes."""
        states = [row.state for row in self.rows]
        return None if None in states else sum((s for s in states if s), Count())

    def __rich__(self):
        left = ['path', 'layer', 'mode', 'output']
        made = table(f'{self.name}: {self.inputs}', left, ['weights', 'bytes', 'state/row'])
        for row in self.rows:
            n = 'shared' if row.shared else number(row.weights.n)
            outputs = f'{row.outputs} *' if row.tried else row.outputs
            cells = (row.path, row.layer, row.mode, outputs, n, size(row.weights.n_bytes))
            made.add_row(*map(plain, cells), _state(row.state))
        made.add_section()
        total = self.weights
        cells = ('total', '', '', '', number(total.n) or '0', size(total.n_bytes))
        made.add_row(*cells, _state(self.state), style='bold')
        if not any(row.tried for row in self.rows):
            return made
        return Group(made, plain('* found by trying numbers: the layer wants numbers for sizes'))


def summary(model: Any, signature: Any = None) -> Summary:
    """Returns a table of a model's layers: modes, output shapes, weights, and state in predict.

    Nothing is computed and the model does not change; it need not be initialised. Where the
    signature has numbers, batch and time (axes 0 and 1) are shown as b and t if the model runs for
    any.

    Args:
      model: a layer, or a view of one, such as `model.as_mode('predict')`.
      signature: of the inputs; by default the one that the model was initialised with.

    Raises:
      ValueError: no signature is known.
      LayerError: the model does not take such inputs.
    """
    given = _known(model) if signature is None else signature
    inputs, found = _first_that_fits(model, given)
    states = _states(model, given)
    rows, seen = [], set()
    for path, (layer, context, (weights, _, outputs), tried) in found.items():
        if _has_rows_within(path, found):
            continue
        shared = layer._tl_cell in seen and count(weights).n > 0
        seen.add(layer._tl_cell)
        mode = f'{context.mode}, carry' if context.carry else context.mode
        held = None if states is None else states.get(path, Count())
        n_weights = Count() if shared else count(weights)
        rows.append(Row(path, layer.name, mode, str(outputs), n_weights, shared, held, tried))
    return Summary(model.name, inputs, rows)


def _known(model):
    if model.input_signature is None:
        raise ValueError(
            f'summary: {model.name} was never initialised, so its inputs are not known; give a '
            "signature: summary(model, ShapeDtype(('b', 't'), np.int32))"
        )
    return model.input_signature


def _first_that_fits(model, given):
    tried = list(candidates(given))
    for inputs in tried[:-1]:
        try:
            return inputs, _made(model, inputs)
        except Exception:  # code that wants numbers for sizes may fail in any way
            continue
    return tried[-1], _made(model, tried[-1])


def _made(model, inputs):
    """Returns (layer, context, what init made, tried) by path, in the order of the layers."""
    record = _Record()
    with warnings.catch_warnings(), observing(record):
        warnings.simplefilter('ignore', ModeWarning)
        model.output_signature(inputs)
    return record.found


class _Record(Observer):
    """What init made for each path, the first time that it was made."""

    def __init__(self):
        self.found: dict[str, Any] = {}
        self.tried = False

    def generalised(self, outputs):
        self.tried = True

    def made(self, layer, context, inputs, made):
        self.found.setdefault(context.location, (layer, context, made, self.tried))
        self.tried = False


def _states(model, given):
    """Returns the count of each leaf's state for one row in predict; None if it cannot be."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', ModeWarning)
        try:
            found = _made(model.as_mode('predict'), smallest(given))
        except (LayerError, StateError, ValueError):
            return None
    return {path: count(made[1]) for path, (_, _, made, _) in found.items()}


def _has_rows_within(path, found):
    return any(other.startswith(f'{path}/' if path else '') and other != path for other in found)


def _state(held):
    return '?' if held is None else size(held.n_bytes)
