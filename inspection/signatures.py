"""Signatures for a look at a model: with names for sizes, or with the smallest sizes."""

from collections.abc import Iterator
from typing import Any

import jax

from ..combinators import ShapeDtype, signature


def candidates(given: Any) -> Iterator[Any]:
    """Yields signatures to try, the most general first: names for batch and time, for batch, none.

    One that has names already is the only one.
    """
    given = signature(given)
    if not any(s.is_symbolic for s in _parts(given)):
        yield _renamed(given, ('b', 't'))
        yield _renamed(given, ('b',))
    yield given


def smallest(given: Any) -> Any:
    """Returns the signature of one row: 1 for the batch, and for sizes that have names."""

    def one(s):
        sizes = [d if isinstance(d, int) and axis else 1 for axis, d in enumerate(s.shape)]
        return ShapeDtype(sizes, s.dtype)

    return jax.tree.map(one, signature(given))


def _renamed(given, names):
    def one(s):
        n = min(len(names), s.ndim)
        return ShapeDtype((*names[:n], *s.shape[n:]), s.dtype)

    return jax.tree.map(one, given)


def _parts(tree):
    return [s for s in jax.tree.leaves(tree) if isinstance(s, ShapeDtype)]
