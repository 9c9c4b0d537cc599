"""trace: a model run once, and the stack after each of its layers."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.core
import numpy as np

from ..combinators import Observer, Serial, signature
from ..combinators.stack import as_items, push
from .counts import count
from .one_run import ready, run_observed
from .tables import Printed, number, plain, table

N_FIRST = 3  # numbers that are shown of each layer


class Values(NamedTuple):
    """What an array holds."""

    mean: float
    std: float
    low: float
    high: float
    first: tuple[Any, ...]  # of its numbers, in their order


class TraceRow(NamedTuple):
    """One layer of a run."""

    path: str
    layer: str
    stack: tuple[Any, ...]  # signatures after the layer, the top first
    n_weights: int
    # Of the layer's first output; None where it has no numbers, or inside of a Scan, where they
    # are not known one by one.
    values: Values | None

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of the top of the stack; None if the stack is empty."""
        return self.stack[0].shape if self.stack else None

    @property
    def dtype(self) -> np.dtype | None:
        """The dtype of the top of the stack; None if the stack is empty."""
        return self.stack[0].dtype if self.stack else None


class Trace(Printed):
    """The rows of a run, in its order; prints as a table."""

    def __init__(self, name: str, inputs: Any, rows: list[TraceRow]):
        self.name, self.inputs, self.rows = name, inputs, rows

    def __iter__(self) -> Iterator[TraceRow]:
        return iter(self.rows)

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, i: int) -> TraceRow:
        return self.rows[i]

    def __rich__(self):
        left = ['path', 'layer', 'stack after it, top first']
        right = ['weights', 'mean', 'std', 'min', 'max', 'first values']
        made = table(f'{self.name}: {self.inputs}', left, right)
        for row in self.rows:
            stack = '  '.join(map(str, row.stack)) or 'empty'
            cells = (row.path, row.layer, stack, number(row.n_weights), *_shown(row.values))
            made.add_row(*map(plain, cells))
        return made


def _shown(values):
    if values is None:
        return ()
    *figures, first = values
    return (*(f'{figure:.3g}' for figure in figures), ' '.join(f'{v:.3g}' for v in first))


def trace(model: Any, x: Any) -> Trace:
    """Runs a model once, from its initial state; returns the stack and values after each layer.

    The model does not change: not its weights, not its state. One that has no weights yet is run
    with weights of its own that do not last. Layers inside of a Scan are shown as they see a
    slice; where layers stand side by side, each is shown with its own outputs.

    Args:
      model: a layer, or a view of one.
      x: inputs, one array or a tuple.

    Raises:
      LayerError: the model does not take x.
    """
    model, x = ready(model, x)
    record = _Record()
    run_observed(model, x, record)
    return Trace(model.name, signature(x), list(record.rows.values()))


class _Record(Observer):
    """Follows the stack of each series while its layers run."""

    def __init__(self):
        self.stacks: dict[tuple[str, ...], Any] = {}
        self.rows: dict[str, TraceRow] = {}

    def before(self, layer, context, x):
        if isinstance(layer, Serial):
            self.stacks[context.path] = signature(x)

    def after(self, layer, context, weights, y):
        stack = signature(y)
        around = context.path[:-1]
        if context.path and around in self.stacks:
            stack = self.stacks[around] = push(stack, self.stacks[around], layer.n_in)
        if not layer._sublayers:
            place, n = context.location, count(weights).n
            row = TraceRow(place, layer.name, as_items(stack), n, _values(as_items(y)[:1]))
            self.rows.setdefault(place, row)


def _values(outputs):
    """Returns what the first of some outputs holds."""
    known = [y for y in outputs if np.size(y) and not isinstance(y, jax.core.Tracer)]
    if not known:
        return None
    y = np.asarray(known[0])
    first = tuple(y.reshape(-1)[:N_FIRST].tolist())
    y = y.astype(np.float64)
    return Values(*map(float, (y.mean(), y.std(), y.min(), y.max())), first)
