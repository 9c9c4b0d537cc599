"""Names for values inside of a step: who listens sees them, or holds them at a number.

A name changes nothing by itself, and costs nothing: `named_gate('u', u)` is u. In a cell of your
own:

    def step(self, h, affine):
        u = tl.named_gate('u', affine('leak', h, jax.nn.sigmoid))
        return u * h + (1 - u) * tl.named('c', affine('candidate', h, jnp.tanh))

This knows no cell and no layer.
"""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np


class Named(NamedTuple):
    """A value that has a name."""

    value: Any
    is_gate: bool  # a number from 0 to 1 that says how much of something passes


class Hold(NamedTuple):
    """What a named value is held at."""

    name: str
    value: float
    units: tuple[int, ...] | None = None  # None: all of them
    steps: frozenset[int] | None = None  # None: all of them

    def covers(self, step: int) -> bool:
        """Whether the value is held at a step."""
        return self.steps is None or step in self.steps


class _Listener:
    """Somebody who holds values and keeps what passed."""

    def __init__(self, holds: tuple[Hold, ...], n_units: int):
        self.holds, self.n_units = holds, n_units
        self.seen: dict[str, Named] = {}

    def hear(self, name: str, value: Any, is_gate: bool) -> Any:
        """Returns the value as it is held, and keeps it."""
        if not np.ndim(value):  # a gate that is given
            value = jnp.full((self.n_units,), value, jnp.float32)
        for hold in self.holds:
            if hold.name == name:
                value = jnp.where(_chosen(hold.units, value.shape), hold.value, value)
        self.seen[name] = Named(value, is_gate)
        return value


_LISTENER: contextvars.ContextVar[_Listener | None] = contextvars.ContextVar('named', default=None)


def named(name: str, value: Any) -> Any:
    """Returns a value of a step, which others may see or hold under its name.

    Args:
      name: as in the formula: 'c' of a candidate.
      value: (b, n_units) or a number.
    """
    listener = _LISTENER.get()
    return value if listener is None else listener.hear(name, value, False)


def named_gate(name: str, value: Any) -> Any:
    """Returns a gate of a step, a number from 0 to 1, which others may see or hold; see `named`."""
    listener = _LISTENER.get()
    return value if listener is None else listener.hear(name, value, True)


@contextlib.contextmanager
def listening(holds: tuple[Hold, ...], n_units: int) -> Iterator[dict[str, Named]]:
    """Holds values while a step runs, and gives those that had names."""
    listener = _Listener(holds, n_units)
    token = _LISTENER.set(listener)
    try:
        yield listener.seen
    finally:
        _LISTENER.reset(token)


def _chosen(units, shape):
    if units is None:
        return np.ones(shape, bool)
    return np.broadcast_to(np.isin(np.arange(shape[-1]), units), shape)
