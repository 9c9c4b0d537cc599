"""A set of characters as a tree of the bytes that encode them.

A node is a tuple of (byte, node behind it); the node behind a last byte is END. Nodes that are
equal are one object: \\w is 750 ranges, and some hundred nodes.
"""

import functools
from typing import Any

from .characters import Ranges

Node = tuple[tuple[int, Any], ...]
END: Node = ()

# The code points of each length: first and last, what is added to the first byte, bytes behind it.
_LENGTHS = (
    (0x0, 0x7F, 0x0, 0),
    (0x80, 0x7FF, 0xC0, 1),
    (0x800, 0xD7FF, 0xE0, 2),  # between the two: the surrogates, which no text has
    (0xE000, 0xFFFF, 0xE0, 2),
    (0x10000, 0x10FFFF, 0xF0, 3),
)


@functools.lru_cache(maxsize=256)
def tree(ranges: Ranges) -> Node:
    """Returns the tree of a set of characters; one without arcs, if there are none.

    >>> tree(((0x61, 0x61), (0xE9, 0xE9)))
    ((97, ()), (195, ((169, ()),)))
    """
    arcs = []
    for first, last, lead, n in _LENGTHS:
        inside = [(max(a, first), min(b, last)) for a, b in ranges if a <= last and b >= first]
        arcs += [(lead + high, _tail(rest, n)) for high, rest in _cut(inside, 64**n)]
    return tuple(arcs)


@functools.cache
def _tail(ranges, n):
    """Returns the node of numbers that are written in n continuation bytes of 6 bits."""
    if n == 0:
        return END
    return tuple((0x80 + high, _tail(rest, n - 1)) for high, rest in _cut(ranges, 64 ** (n - 1)))


def _cut(ranges, size):
    """Returns (i, what is left of the ranges in the i-th stretch of `size` numbers) for each i."""
    stretches: dict[int, list[tuple[int, int]]] = {}
    for low, high in ranges:
        for i in range(low // size, high // size + 1):
            begin = i * size
            part = max(low - begin, 0), min(high - begin, size - 1)
            stretches.setdefault(i, []).append(part)
    return [(i, tuple(parts)) for i, parts in stretches.items()]
