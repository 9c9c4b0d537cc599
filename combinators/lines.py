"""Sizes as straight lines: the sizes of results, found by trying numbers for names.

A size of a result is taken to be a line in each name: t + 3, or 2 * b * t, which is one in b and
one in t. It is found from the corners of a box of numbers, and checked at a point outside of it.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import jax


class NoLineError(Exception):
    """A size is no straight line in each of the names, or the limits leave no room to see it."""


def through(trace: Callable[[dict[str, int]], Any], symbols: dict[str, Any]) -> Any:
    """Returns the signature that `trace` gives, with sizes in terms of symbols.

    Args:
      trace: takes a number for each name, returns a signature.
      symbols: the symbolic dimension of each name.

    Raises:
      NoLineError: there are no such lines.
      whatever trace raises, with a note that says at which numbers.
    """
    far = _distance(symbols.values())
    base = dict(zip(symbols, itertools.count(2 * far, far), strict=False))

    def at(moved, distance):
        sizes = {name: size + distance * (name in moved) for name, size in base.items()}
        try:
            return trace(sizes)
        except Exception as error:
            error.add_note(_where(sizes))
            raise

    corners = {moved: at(moved, far) for moved in _subsets(base)}
    beyond = at(tuple(base), 2 * far)
    away = {name: symbol - base[name] for name, symbol in symbols.items()}

    def one(start, outside, *others):
        seen = [s.shape for s in (start, *others)]
        if any(len(shape) != len(outside.shape) for shape in seen):
            raise NoLineError
        axes = zip(*seen, strict=True)
        lines = [_line(dict(zip(corners, sizes, strict=True)), far) for sizes in axes]
        if outside.shape != tuple(_value(line, dict.fromkeys(base, 2 * far)) for line in lines):
            raise NoLineError
        return type(start)([_value(line, away) for line in lines], start.dtype)

    start, *others = corners.values()
    return jax.tree.map(one, start, beyond, *others)


def _subsets(names):
    return [c for n in range(len(names) + 1) for c in itertools.combinations(names, n)]


def _line(sizes, far):
    """Returns how a size grows with each product of names: the mixed differences of the corners."""
    line = {}
    for names in sizes:
        signs = {part: (-1) ** (len(names) - len(part)) for part in _subsets(names)}
        difference = sum(sign * sizes[part] for part, sign in signs.items())
        line[names], rest = divmod(difference, far ** len(names))
        if rest:
            raise NoLineError
    return line


def _value(line, away):
    """Returns the size at distances from the numbers where the line starts."""
    return sum(n * math.prod(away[name] for name in names) for names, n in line.items() if n)


def _where(sizes):
    tried = ', '.join(f'{name} = {size}' for name, size in sizes.items())
    return (
        f'This was at {tried}: the code does not run with names for sizes, so numbers are tried. '
        "If a size has a limit, give it: 't<=8'."
    )


def _distance(symbols):
    """Returns the distance between the numbers to try: 8, or less where there are limits."""
    for far in (8, 4, 2, 1):
        largest = (3 + len(symbols)) * far
        if not any(_always_below(symbol, largest) for symbol in symbols):
            return far
    raise NoLineError


def _always_below(symbol, n):
    try:
        return bool(symbol < n)
    except Exception:  # jax cannot tell, as there is no such limit
        return False
