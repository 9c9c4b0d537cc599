"""Watched cells: a cell along time, with its named values held, and seen beside its outputs.

What a step names goes along with its state, so it comes out of the same loop that any cell runs in.
A cell that nobody watches is not touched.
"""

import itertools
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np

from ..combinators import Context
from ..kernels import Flags
from .linear_cell import LinearCell
from .named import Hold, Named, listening
from .recurrent_cell import Along, RecurrentCell


class Watched(RecurrentCell):
    """Runs a cell's step; its state and output have the named values behind the cell's own.

    Args:
      cell: the cell, which has a step.
      holds: what named values are held at.
      widths: the size of each named value.
      edit: tells a cell from itself before it was changed.
    """

    def __init__(self, cell: RecurrentCell, holds: tuple[Hold, ...], widths: Any, edit: int):
        super().__init__(cell.n_units)
        self._inner, self._holds, self._widths = cell, holds, widths

    @property
    def state_widths(self) -> tuple[int, ...]:
        """The sizes of the cell's state, and of the named values."""
        return (*self._inner.state_widths, *self._widths)

    def maps(self):
        return self._inner.maps()

    def output(self, state: Any) -> Any:
        """Returns the cell's output, and the named values behind it."""
        n = len(self._inner.state_widths)
        own = self._inner.output(state[:n] if n > 1 else state[0])
        return jnp.concatenate([own, *state[n:]], axis=-1)

    def step(self, state, affine, *params):
        n = len(self._inner.state_widths)
        own, step = (state[:n] if n > 1 else state[0]), cast(Any, self._inner.step)
        with listening(self._holds, self._n_units) as seen:
            after = step(own, affine, *params)
        rows = state[0].shape[0]
        values = (jnp.broadcast_to(v.value, (rows, v.value.shape[-1])) for v in seen.values())
        return (*(after if n > 1 else (after,)), *values)


class WatchedLinear(LinearCell):
    """Runs a LinearCell's sequence; the output has the named values behind the cell's own."""

    def __init__(self, cell: LinearCell, holds: tuple[Hold, ...], edit: int):
        super().__init__(cell.n_units)
        self._inner, self._holds = cell, holds

    def maps(self):
        return self._inner.maps()

    def sequence(self, x, affine, recurrence, *params):
        sequence = cast(Any, self._inner.sequence)
        with listening(self._holds, self._n_units) as seen:
            y = sequence(x, affine, recurrence, *params)
        return jnp.concatenate([y, *(v.value for v in seen.values())], axis=-1)


def along_time(
    cell: RecurrentCell,
    holds: tuple[Hold, ...],
    x: Any,
    start: Any,
    weights: Any,
    flags: Flags,
    fresh: Any,
    along: Along,
) -> tuple[Any, Any, dict[str, Named]]:
    """Runs a cell along time as it does itself; gives its named values over all steps too."""
    known = names(cell)
    cuts, outputs = _pieces(holds, x.shape[1]), []
    for first, end in reversed(cuts) if along.reverse else cuts:
        here = tuple(h._replace(steps=None) for h in holds if h.covers(first))
        part = (x, flags)
        if len(cuts) > 1:
            part = jax.tree.map(lambda a, i=first, j=end: a[:, i:j], part)
        y, start = _piece(cell, here, known, part, start, weights, fresh, along)
        outputs.append(y)
    ordered = outputs[::-1] if along.reverse else outputs
    joined = jnp.concatenate(ordered, axis=1) if len(cuts) > 1 else outputs[0]
    widths = [cell.n_units, *(v.value.shape[-1] for v in known.values())]
    y, *values = jnp.split(joined, np.cumsum(widths)[:-1], axis=-1)
    pairs = zip(known.items(), values, strict=True)
    return y, start, {name: Named(value, v.is_gate) for (name, v), value in pairs}


def names(cell: RecurrentCell) -> dict[str, Named]:
    """Returns the names in a cell's step, with the shapes of one row for values."""
    kinds: dict[str, bool] = {}

    def run():
        weights = cell.new_weights(cell.n_units, Context(rng=jax.random.PRNGKey(0)))
        with listening((), cell.n_units) as seen:
            _once(cell, cell.params(weights))
        kinds.update({name: v.is_gate for name, v in seen.items()})
        return {name: v.value for name, v in seen.items()}

    shapes = jax.eval_shape(run)
    return {name: Named(shapes[name], is_gate) for name, is_gate in kinds.items()}


def _piece(cell, holds, known, part, start, weights, fresh, along):
    """Runs some steps; returns outputs with the named values behind them, and the last state."""
    x, flags = part
    if isinstance(cell, LinearCell):
        watched = WatchedLinear(cell, holds, cell._tl_edit)
        return watched.along_time(x, start, weights, flags, fresh, along)
    widths = tuple(v.value.shape[-1] for v in known.values())
    watched = Watched(cell, holds, widths, cell._tl_edit)
    zeros = jnp.zeros((x.shape[0], sum(widths)), start.dtype)
    start, fresh = (s if s is None else jnp.concatenate([s, zeros], -1) for s in (start, fresh))
    if flags.keep is not None and not _of_steps(flags.keep):
        flags = flags._replace(keep=_with_names(flags.keep, x, len(widths)))
    y, last = watched.along_time(x, start, weights, flags, fresh, along)
    return y, last[:, : last.shape[-1] - sum(widths)]


def _of_steps(keep):
    """Whether flags are the same for all numbers of a state."""
    return not isinstance(keep, tuple) and keep.ndim == 2


def _with_names(keep, x, n):
    """Returns flags for each array of a state, and for named values, which are not kept."""
    own = keep if isinstance(keep, tuple) else (keep,)
    return (*own, *n * (jnp.ones(x.shape[:2], bool),))


def _pieces(holds, t):
    """Returns the runs of steps in which the same values are held."""
    if all(hold.steps is None for hold in holds):
        return [(0, t)]
    held = [[hold.covers(step) for hold in holds] for step in range(t)]
    ends = [step for step in range(1, t) if held[step] != held[step - 1]]
    return list(itertools.pairwise([0, *ends, t]))


def _once(cell, params):
    """Runs one step of a cell of one row on zeros."""
    is_linear, maps = isinstance(cell, LinearCell), cell.maps()
    axes = (1, 1) if is_linear else (1,)

    def affine(name, *_):
        return jnp.zeros((*axes, maps[name].width), jnp.float32)

    if is_linear:
        x = jnp.zeros((1, 1, cell.n_units), jnp.float32)
        return cast(Any, cell.sequence)(x, affine, lambda a, b: a + b, *params)
    zeros = jnp.zeros((1, sum(cell.state_widths)), jnp.float32)
    return cast(Any, cell.step)(cell.unpack(zeros), affine, *params)
