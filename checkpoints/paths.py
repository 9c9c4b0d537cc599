"""Names for the leaves of a pytree: what a checkpoint knows about a model.

A name is the way from the root to the leaf, joined by '/': a dict key as it is, an index as its
number, a field of a NamedTuple or dataclass by its name. `None` and empty containers hold no leaf
and therefore have no name: they are structure, which the reader brings along.
"""

from typing import Any

import jax

from .errors import CheckpointError

ROOT = '.'
"""The name of a tree that is one bare leaf."""


def named_leaves(tree: Any) -> tuple[dict[str, Any], Any]:
    """Returns `{name: leaf}` in the order of the tree, and the tree's structure.

    >>> import numpy as np
    >>> leaves, _ = named_leaves({'GRU#1.w1': np.ones(2), 'rest': (np.ones(3), None)})
    >>> list(leaves)
    ['GRU#1.w1', 'rest/0']

    Raises:
        CheckpointError: two leaves have the same name, or a name is not valid text.
    """
    pairs, structure = jax.tree_util.tree_flatten_with_path(tree)
    leaves: dict[str, Any] = {}
    for keys, leaf in pairs:
        name = '/'.join(_text(key) for key in keys) or ROOT
        _check_name(name)
        if name in leaves:
            raise CheckpointError(
                f'{name!r}: two leaves of the tree have this path, so a file could not tell them '
                "apart. Rename one: a dict key may hold a '/' or look like a number, but the "
                'whole path must be unique.'
            )
        leaves[name] = leaf
    return leaves, structure


def _text(key: Any) -> str:
    """One step of a path: each of JAX's key classes stores it under another attribute."""
    for attribute in ('key', 'idx', 'name'):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)


def _check_name(name: str) -> None:
    if name == '__metadata__':
        raise CheckpointError(
            f'{name!r}: safetensors keeps this name for itself. Rename the dict key.'
        )
    try:
        name.encode('utf-8')
    except UnicodeEncodeError as error:
        raise CheckpointError(
            f'{name!r}: expected a path that is valid Unicode text, got one that UTF-8 cannot '
            'write. Rename the dict key.'
        ) from error
