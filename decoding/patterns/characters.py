"""Sets of characters: sorted, disjoint ranges of code points, both ends included."""

import functools
import sys
from collections.abc import Callable, Iterable

Ranges = tuple[tuple[int, int], ...]
ALL: Ranges = ((0, sys.maxunicode),)


def joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Returns ranges in any order as a set.

    >>> joined([(5, 9), (1, 2), (3, 6)])
    ((1, 9),)
    """
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(high, found[-1][1])
        else:
            found.append((low, high))
    return tuple(found)


def without(ranges: Ranges) -> Ranges:
    """Returns all characters that are not in a set.

    >>> without(((0, 9), (11, sys.maxunicode)))
    ((10, 10),)
    """
    borders = [-1, *(end for both in ranges for end in both), sys.maxunicode + 1]
    gaps = zip(borders[::2], borders[1::2], strict=True)
    return tuple((low + 1, high - 1) for low, high in gaps if low + 1 < high)


def one(character: str) -> Ranges:
    """Returns the set of one character."""
    return ((ord(character), ord(character)),)


# What a letter behind a backslash stands for, as in Python's re for text.
_IS: dict[str, Callable[[str], bool]] = {
    'd': str.isdecimal,
    's': str.isspace,
    'w': lambda c: c.isalnum() or c == '_',
}


@functools.cache
def named(letter: str) -> Ranges | None:
    """Returns the set of \\d, \\s or \\w, or of all others for a capital letter; None of none."""
    is_in = _IS.get(letter.lower())
    if is_in is None:
        return None
    found = joined((i, i) for i in range(sys.maxunicode + 1) if is_in(chr(i)))
    return found if letter.islower() else without(found)
