"""Paths: where a layer stands in a model, told by classes and not by positions."""

import re
from collections.abc import Iterator
from typing import Any


def labels(sublayers: Any) -> tuple[str, ...]:
    """Returns the path elements `Class#k`: the k-th sibling of that class, from 1."""
    counts: dict[str, int] = {}
    result = []
    for sub in sublayers:
        counts[sub._tl_label] = counts.get(sub._tl_label, 0) + 1
        result.append(f'{sub._tl_label}#{counts[sub._tl_label]}')
    return tuple(result)


def label(name: str, fallback: str) -> str:
    """Returns the identifier that a name begins with: Select for 'Select[1,0]'."""
    found = re.match(r'[A-Za-z_]\w*', name)
    return found[0] if found else fallback


def label_of(parent: Any, sub: Any) -> str:
    """Returns the path element of `sub` among the sublayers of `parent`."""
    for label, candidate in zip(parent._tl_labels, parent._sublayers, strict=True):
        if candidate._tl_cell is sub._tl_cell:
            return label
    return f'{type(sub).__name__}#0'


def places(layer: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yields each layer without sublayers with its place, such as 'Residual#1/GRU#1'."""
    if not layer._sublayers:
        yield '/'.join(path), layer
    for place, sub in zip(layer._tl_labels, layer._sublayers, strict=True):
        yield from places(sub, (*path, place))


def leaves(layer: Any) -> Iterator[Any]:
    """Yields the layers without sublayers, in order, each place once."""
    if not layer._sublayers:
        yield layer
    for sub in layer._sublayers:
        yield from leaves(sub)
