"""An automaton over bytes, made of the tree of a regular expression.

First one that may be in several states at once (Thompson 1968), then the one whose states are the
sets of these that can be reached (Rabin and Scott 1959).
"""

from typing import Any

import numpy as np

from ..automaton import NONE
from .tree import Either, OneOf, Row
from .utf8 import END, tree

LIMIT = 20_000  # states: 20 MB of table over bytes


def compiled(node: Any, limit: int = LIMIT) -> tuple[np.ndarray, np.ndarray]:
    """Returns (table, accepting) of a tree; state 0 is the first.

    Shapes: table (n, 256) int32, the state behind a byte or NONE; accepting (n,) bool.

    Raises:
      ValueError: it needs more states than `limit`.
    """
    several = _Several(limit)
    last = several.add(node, several.state())
    first = several.closed({0})
    numbers, table = {first: 0}, []
    for states in numbers_as_they_come(numbers):
        row = np.full(256, NONE, np.int32)
        for byte, behind in several.moves(states).items():
            row[byte] = numbers.setdefault(several.closed(behind), len(numbers))
        table.append(row)
        _check(len(numbers), limit)
    return np.stack(table), np.array([last in states for states in numbers])


def numbers_as_they_come(numbers):
    """Yields the keys of a dict that grows meanwhile."""
    done = 0
    while done < len(numbers):
        for key in list(numbers)[done:]:
            done += 1
            yield key


def _check(n, limit):
    if n > limit:
        raise ValueError(
            f'regex: the pattern needs more than {limit} states; repeat less, or say it with '
            'fewer alternatives that begin alike'
        )


class _Several:
    """An automaton that may be in several states at once, as it is built."""

    def __init__(self, limit):
        self._limit = limit
        self._arcs: list[dict[int, int]] = []  # byte -> state
        self._silent: list[list[int]] = []  # states reached without reading

    def state(self):
        _check(len(self._arcs), 10 * self._limit)
        self._arcs.append({})
        self._silent.append([])
        return len(self._arcs) - 1

    def add(self, node: Any, begin: int) -> int:
        """Adds what reads a node from a state on; returns the state behind it."""
        match node:
            case OneOf(ranges):
                return self._one_of(tree(ranges), begin)
            case Row(parts):
                for part in parts:
                    begin = self.add(part, begin)
                return begin
            case Either(parts):
                return self._either([self.add(part, self._branch(begin)) for part in parts])
        part, least, most = node
        return self._repeated(part, least, most, begin)

    def _branch(self, begin):
        state = self.state()
        self._silent[begin].append(state)
        return state

    def _either(self, ends):
        end = self.state()
        for state in ends:
            self._silent[state].append(end)
        return end

    def _repeated(self, part, least, most, begin):
        for _ in range(least):
            begin = self.add(part, begin)
        if most is None:
            loop = self._branch(begin)
            self._silent[self.add(part, loop)].append(loop)
            return self._branch(loop)
        ends = [begin]
        for _ in range(most - least):
            begin = self.add(part, self._branch(begin))
            ends.append(begin)
        return self._either(ends)

    def _one_of(self, root, begin):
        begin, end = self._branch(begin), self.state()
        made = {id(END): end}

        def follow(node):
            if id(node) not in made:
                state = made[id(node)] = self.state()
                self._arcs[state] = {byte: follow(behind) for byte, behind in node}
            return made[id(node)]

        self._arcs[begin] = {byte: follow(behind) for byte, behind in root}
        return end

    def closed(self, states):
        """Returns all states that some are without reading; those that matter."""
        found, new = set(states), list(states)
        while new:
            for state in self._silent[new.pop()]:
                if state not in found:
                    found.add(state)
                    new.append(state)
        return frozenset(found)

    def moves(self, states):
        """Returns the states behind each byte."""
        behind: dict[int, set[int]] = {}
        for state in states:
            for byte, after in self._arcs[state].items():
                behind.setdefault(byte, set()).add(after)
        return behind
