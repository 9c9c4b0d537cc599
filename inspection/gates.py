"""gates: how open the gates of a model's recurrent layers are on some inputs."""

from typing import Any, NamedTuple

import numpy as np

from .recording import Recording, record
from .tables import Printed, plain, table

SHUT, OPEN = 0.1, 0.9


class GateStatistics(NamedTuple):
    """One gate over all rows and steps; each field (n_units,)."""

    mean: np.ndarray
    std: np.ndarray
    shut: np.ndarray  # the fraction of steps below 0.1
    open: np.ndarray  # the fraction of steps above 0.9


class Gates(Printed):
    """Statistics of gates, in the order of the layers; prints as a table.

    Attributes:
      name: of the model.
      rows: GateStatistics by 'path.gate'.
    """

    def __init__(self, name: str, rows: dict[str, GateStatistics]):
        self.name, self.rows = name, rows

    def __getitem__(self, gate: str) -> GateStatistics:
        return self.rows[gate]

    def __rich__(self):
        right = ['units', 'mean', 'std', 'below 0.1', 'above 0.9', 'always shut', 'always open']
        made = table(f'{self.name}: gates', ['gate'], right)
        for gate, found in self.rows.items():
            figures = [f'{np.mean(f):.3f}' for f in found[:2]]
            parts = [f'{np.mean(f):.1%}' for f in found[2:]]
            units = [str(int(np.sum(f == 1))) for f in found[2:]]
            made.add_row(plain(gate), str(len(found.mean)), *figures, *parts, *units)
        return made


def gates(model: Any, x: Any) -> Gates:
    """Returns statistics of each gate of a model's recurrent layers on some inputs, unit by unit.

    std is over rows and steps, within a unit; the table shows means over the units. A gate below
    0.1 counts as shut and one above 0.9 as open, as in Karpathy et al. 2015, arXiv 1506.02078,
    section 4.2. A unit that is always shut or open has no use for its gate.

    Args:
      model: a layer, or a view of one; it runs in eval, from its initial state.
      x: inputs, one array or a tuple.

    Raises:
      LayerError: the model does not take x.
      ValueError: no recurrent layer of the model names a gate.
    """
    return gates_of(record(model, x))


def gates_of(recording: Recording) -> Gates:
    """Returns the statistics of the gates that were recorded."""
    found = recording.gates()
    if not found:
        raise ValueError(
            f'gates: {recording.name} has no recurrent layer that names a gate. A cell of your own '
            "does so in its step: u = tl.named_gate('u', u)"
        )
    return Gates(recording.name, {name: _statistics(value) for name, value in found.items()})


def _statistics(value):
    v = value.reshape(-1, value.shape[-1]).astype(np.float64)
    return GateStatistics(v.mean(0), v.std(0), (v < SHUT).mean(0), (v > OPEN).mean(0))
