"""Reversible layers that only move values: swap, select, join, reshape."""

from collections.abc import Sequence

import jax.numpy as jnp

from .reversible import ReversibleLayer
from .stack import as_items, as_stack


class ReversibleSelect(ReversibleLayer):
    """Replaces the top n_in items by those at `indices`, all of which occur there.

    Args:
      indices: places from the top of the stack, 0 first; each at least once.
      n_in: how many items it takes; by default as many as the largest index needs.
      name: the name to print.

    Raises:
      ValueError: an item occurs nowhere, so that it would be lost.

    Source: Trax 1.4.1, trax.layers.reversible.ReversibleSelect.
    """

    def __init__(self, indices: Sequence[int], n_in: int | None = None, name: str | None = None):
        indices = list(indices)
        n_in = max(indices, default=-1) + 1 if n_in is None else n_in
        if set(indices) != set(range(n_in)):
            raise ValueError(
                f'ReversibleSelect({indices}): expected each index from 0 to {n_in - 1} at least '
                'once, and no other'
            )
        name = f'ReversibleSelect{indices}'.replace(' ', '') if name is None else name
        super().__init__(n_in, len(indices), name)
        self._indices, self._back = indices, [indices.index(i) for i in range(n_in)]

    def apply_fn(self, x, weights, state, context):
        items = as_items(x)
        return as_stack(tuple(items[i] for i in self._indices)), state

    def reverse(self, output, weights=(), state=(), new_state=(), rng=None):
        items = as_items(output)
        return as_stack(tuple(items[i] for i in self._back))


def ReversibleSwap() -> ReversibleSelect:
    """Returns a reversible layer that exchanges the two top items."""
    return ReversibleSelect([1, 0], name='ReversibleSwap')


class ReversibleConcatenatePair(ReversibleLayer):
    """Maps x, y to [x, y], [x, y], where [x, y] is both joined along the last axis.

    Shapes: (..., d), (..., d) -> (..., 2 d), (..., 2 d).

    Source: Trax 1.4.1, trax.layers.reversible.ReversibleConcatenatePair.
    """

    def __init__(self):
        super().__init__(n_in=2, n_out=2)

    def apply_fn(self, x, weights, state, context):
        x, y = x
        if x.shape != y.shape:
            raise ValueError(f'expected two inputs of one shape, got {x.shape} and {y.shape}')
        joined = jnp.concatenate([x, y], -1)
        return (joined, joined), state

    def reverse(self, output, weights=(), state=(), new_state=(), rng=None):
        return tuple(jnp.split(output[0], 2, -1))


class ReversibleReshape(ReversibleLayer):
    """Replaces the first axes of its inputs, of sizes shape1, by axes of sizes shape2.

    Args:
      shape1: the sizes that the first axes have.
      shape2: the sizes that take their place.
      n_in: how many inputs.

    Shapes: (*shape1, ...) -> (*shape2, ...).

    Source: Trax 1.4.1, trax.layers.reversible.ReversibleReshape.
    """

    def __init__(self, shape1: Sequence[int], shape2: Sequence[int], n_in: int = 1):
        name = f'ReversibleReshape_{shape1}_{shape2}'
        super().__init__(n_in, n_in, name)
        self._shapes = tuple(shape1), tuple(shape2)

    def apply_fn(self, x, weights, state, context):
        return _reshaped(x, *self._shapes), state

    def reverse(self, output, weights=(), state=(), new_state=(), rng=None):
        return _reshaped(output, *reversed(self._shapes))


def _reshaped(items, before, after):
    rest = len(before)
    for x in as_items(items):
        if x.shape[:rest] != before:
            raise ValueError(f'expected a shape that begins with {before}, got {x.shape}')
    return as_stack(tuple(jnp.reshape(x, (*after, *x.shape[rest:])) for x in as_items(items)))
