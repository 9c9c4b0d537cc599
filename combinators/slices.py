"""Slices: what layers name inside of a loop leaves it with its outputs, and is told in one piece.

Inside of a loop of the device an observer would hear traced arrays, which are worth nothing
outside of it.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp

from .observing import Observer, observer, observing


class Slices(Observer):
    """Hears one slice in place of who observes, and tells them of all slices afterwards.

    with slices.heard():              in the loop's body, around the layer
        ...
    slices.arrays()                   goes out of the body, and the loop stacks it
    slices.tell(stacked)              after the loop
    """

    hears_names = True

    def __init__(self):
        self._whole = observer()
        self._named: list[tuple[Any, Any, Any]] = []

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Hears what is named in a block of code, if anybody wants it."""
        self._named.clear()
        with observing(self) if self._whole.hears_names else contextlib.nullcontext():
            yield

    def arrays(self) -> list[list[jax.Array]]:
        """Returns the arrays that were named in a slice."""
        return [[a for a in jax.tree.leaves(values) if _is(a)] for _, _, values in self._named]

    def tell(self, stacked: list[list[jax.Array]]) -> None:
        """Tells who observes, given the arrays of all slices, with the slices first."""
        for (layer, context, values), arrays in zip(self._named, stacked, strict=True):
            whole = iter([_along_time(a) for a in arrays])
            joined = jax.tree.map(lambda v, whole=whole: next(whole) if _is(v) else v, values)
            in_order = {name: joined[name] for name in values}  # jax sorts the names
            self._whole.named(layer, context, in_order)

    def before(self, layer, context, x):
        self._whole.before(layer, context, x)

    def after(self, layer, context, weights, y):
        self._whole.after(layer, context, weights, y)

    def named(self, layer, context, values):
        self._named.append((layer, context, values))


def _is(leaf):
    return isinstance(leaf, jax.Array)


def _along_time(stacked):
    """Returns (slices, b, t, n) as (b, slices * t, n)."""
    rows = jnp.moveaxis(stacked, 0, 1)
    return rows.reshape(rows.shape[0], -1, rows.shape[-1])
