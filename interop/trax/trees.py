"""Trax's functions on nested tuples, lists and dicts. None is a leaf in them, as in Trax."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


def nested_map(
    f: Callable[[Any], Any], tree: Any, level: int = 0, ignore_nones: bool = True
) -> Any:
    """Returns the tree with f applied to its leaves, or to its parts of height `level`.

    >>> nested_map(lambda x: 2 * x, {'a': (1, None), 'b': [3]})
    {'a': (2, None), 'b': [6]}
    >>> nested_map(sum, ([1, 2], [3]), level=1)
    (3, 3)
    """
    if _is_at_level(tree, level):
        return None if ignore_nones and _is_all_none(tree) else f(tree)
    if not _is_node(tree):
        raise ValueError(f'nested_map: {tree!r} is a leaf, and level is {level}')
    return _rebuild(tree, [nested_map(f, child, level, ignore_nones) for child in _children(tree)])


def nested_map_multiarg(f: Callable[..., Any], *trees: Any, ignore_nones: bool = True) -> Any:
    """Returns a tree of f(*leaves), one leaf of each tree.

    >>> nested_map_multiarg(lambda x, y: x + y, (1, [2]), (10, [20]))
    (11, [22])
    """
    if not _is_node(trees[0]):
        return None if ignore_nones and _is_all_none(trees) else f(*trees)
    columns = zip(*(_children(tree) for tree in trees), strict=True)
    return _rebuild(
        trees[0],
        [nested_map_multiarg(f, *column, ignore_nones=ignore_nones) for column in columns],
    )


def nested_zip(trees: Sequence[Any]) -> Any:
    """Returns one tree with, at each leaf, the tuple of the leaves of all trees.

    >>> nested_zip([(1, {'a': 2}), (3, {'a': 4})])
    ((1, 3), {'a': (2, 4)})
    """
    return nested_map_multiarg(lambda *leaves: leaves, *trees, ignore_nones=False)


def nested_stack(trees: Sequence[Any], axis: int = 0, np_module: Any = np) -> Any:
    """Returns one tree whose leaves are the stacked leaves of all trees; None stays None."""
    return nested_map(lambda xs: np_module.stack(xs, axis=axis), nested_zip(trees), level=1)


def tree_flatten(tree: Any) -> list[Any]:
    """Returns the leaves, in order.

    >>> tree_flatten((1, [2, None], ()))
    [1, 2, None]
    """
    if not _is_node(tree):
        return [tree]
    return [leaf for child in _children(tree) for leaf in tree_flatten(child)]


def tree_leaves(tree: Any, ignore_nones: bool = True) -> list[Any]:
    """Returns the leaves, in order, without those that are None."""
    return [x for x in tree_flatten(tree) if not (ignore_nones and x is None)]


def tree_unflatten(
    flat: Sequence[Any], tree: Any, copy_from_tree: Sequence[Any] | None = None
) -> tuple[Any, Sequence[Any]]:
    """Returns the tree with the leaves of `flat`, and the leaves that are left over.

    Parts that equal one in `copy_from_tree` take no leaf: they are copied from the tree.

    >>> tree_unflatten([1, 2, 3], ('a', ['b']))
    ((1, [2]), [3])
    """
    if copy_from_tree is not None and any(_is_same(tree, part) for part in copy_from_tree):
        return tree, flat
    if not _is_node(tree):
        return flat[0], flat[1:]
    children = []
    for child in _children(tree):
        child, flat = tree_unflatten(flat, child, copy_from_tree)
        children.append(child)
    return _rebuild(tree, children), flat


def _is_same(tree, part):
    # An array has no single truth of `==`; only containers and marks are ever copied.
    return tree is part or (_is_node(tree) and _is_node(part) and not tree and tree == part)


def _is_node(tree):
    return isinstance(tree, list | tuple | dict)


def _children(tree):
    return list(tree.values()) if isinstance(tree, dict) else list(tree)


def _rebuild(tree, children):
    if isinstance(tree, dict):
        return dict(zip(tree, children, strict=True))
    return type(tree)(*children) if hasattr(tree, '_fields') else type(tree)(children)


def _is_at_level(tree, level):
    if level == 0 or not _is_node(tree):
        return level == 0 and not _is_node(tree)
    children = _children(tree)
    return bool(children) and all(_is_at_level(child, level - 1) for child in children)


def _is_all_none(tree):
    leaves = tree_flatten(tree)
    return bool(leaves) and all(leaf is None for leaf in leaves)


__all__ = [
    'nested_map',
    'nested_map_multiarg',
    'nested_stack',
    'nested_zip',
    'tree_flatten',
    'tree_leaves',
    'tree_unflatten',
]
