"""Weights as trees: they nest like the layers do, and every array has a path.

A leaf keeps its weights in its cell; a combinator has those of its sublayers.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .sharing import SHARED, Cell, pair


def collect(layer: Any, seen: set[Cell] | None = None) -> Any:
    """Returns the tree of a layer's weights from its cells, with markers at second places."""
    seen = set() if seen is None else seen
    if layer._tl_cell in seen:
        return SHARED
    seen.add(layer._tl_cell)
    if layer._sublayers:
        return tuple(collect(sub, seen) for sub in layer._sublayers)
    return layer._tl_cell.weights


def assign(layer: Any, weights: Any) -> None:
    """Gives a layer and those within their weights, all or, where some do not fit, none.

    Raises:
      ValueError: there are not as many parts as layers, or an array has another shape.
    """
    for cell, part in list(_placed(layer, weights, '')):
        cell.put(jax.tree.map(_kept, part))


def _kept(array):
    """Returns an array that nobody else changes: plans and programs know weights by identity."""
    return jnp.array(array) if isinstance(array, np.ndarray) else array


def _placed(layer, weights, path):
    """Yields the cell of each leaf with its part of the weights, after checking it."""
    if weights is SHARED:
        return
    if not layer._sublayers:
        if path or layer._tl_pure_apply:
            _check_shapes(layer, weights, path)
            weights = _named_as_before(layer._tl_cell.weights, weights)
        yield layer._tl_cell, weights
        return
    for label, (sub, part) in zip(layer._tl_labels, pair(layer, weights), strict=True):
        yield from _placed(sub, part, f'{path}/{label}' if path else label)


def _check_shapes(layer, weights, path):
    old, new = (jax.tree.leaves(w) for w in (layer._tl_cell.weights, weights))
    if not old:
        return
    expected, got = [np.shape(w) for w in old], [np.shape(w) for w in new]
    if expected != got:
        raise ValueError(
            f'weights of {f"{path} ({layer._name})" if path else layer._name}: expected shapes '
            f'{expected}, got {got}. Are these the weights of another model?'
        )


def _named_as_before(old, new):
    """Returns plain tuples and lists as what the layer has: their names are those in files."""
    if not (isinstance(new, tuple | list) and jax.tree.leaves(old)):
        return new
    return jax.tree.unflatten(jax.tree.structure(old), jax.tree.leaves(new))


def named(layer: Any, weights: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yields each array with its path, such as 'GRU#1.w1'; a shared one at its first place."""
    if weights is SHARED:
        return
    if layer._sublayers:
        for label, (sub, part) in zip(layer._tl_labels, pair(layer, weights), strict=True):
            yield from named(sub, part, (*path, label))
        return
    found, _ = jax.tree_util.tree_flatten_with_path(weights)
    for keys, array in found:
        fields = [jax.tree_util.keystr((key,), simple=True) for key in keys]
        yield '.'.join([*(['/'.join(path)] if path else []), *fields]), array
