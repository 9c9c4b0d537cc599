"""Rows of a table that nobody has looked up yet, since a map of the table serves them all.

With a table E, (E[ids]) W + b = (E W + b)[ids]: a map of n rows of a table of v is made v times.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from .products import affine


@functools.partial(jax.tree_util.register_dataclass, data_fields=['table', 'ids'], meta_fields=[])
@dataclasses.dataclass(frozen=True)
class Rows:
    """The array table[ids], not made; ids outside of the table are clipped to its edge."""

    table: jax.Array  # (v, d)
    ids: jax.Array  # (b, t) of ints

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return *self.ids.shape, self.table.shape[-1]

    @property
    def dtype(self) -> Any:
        """The dtype of the array."""
        return self.table.dtype


def looked_up(x: Any) -> jax.Array:
    """Returns an array, where rows were given the array that they stand for."""
    return jnp.take(x.table, x.ids, axis=0, mode='clip') if isinstance(x, Rows) else x


def settled(x: Any) -> Any:
    """Returns x as it is, but rows that are too few for maps of the table as an array."""
    pays = isinstance(x, Rows) and x.ids.size > len(x.table)
    return x if pays else looked_up(x)


def time_major(x: Any) -> Any:
    """Returns x (b, t, d), rows or an array, as (t, b, d)."""
    if isinstance(x, Rows):
        return Rows(x.table, jnp.swapaxes(x.ids, 0, 1))
    return jnp.swapaxes(x, 0, 1)


def source(x: Any) -> jax.Array:
    """Returns what changes along the first axes of x: the ids of rows, or x itself."""
    return x.ids if isinstance(x, Rows) else x


def mapping(
    x: Any, kernel: jax.Array, bias: jax.Array | None, precision: str
) -> Callable[[jax.Array], jax.Array]:
    """Returns the function that makes x kernel + bias of `source(x)`, whole or in parts.

    Of rows it looks up in the map of their table, which is made here.
    """
    if isinstance(x, Rows):
        made = affine(x.table, kernel, bias, precision)
        return lambda ids: looked_up(Rows(made, ids))
    return lambda x: affine(x, kernel, bias, precision)
