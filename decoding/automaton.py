"""Automaton: which texts of ids are allowed, as a table over states and ids."""

from typing import Any

import numpy as np

NONE = -1  # no such state, and no such id


class Automaton:
    """A deterministic automaton over the ids of a vocabulary.

    A text is allowed if reading it from the start leads to an accepting state. States that cannot
    be reached, and states from which no accepting one can be, are taken away, so that a text that
    follows the table can always be completed.

    Args:
      table: (n_states, vocab_size) ints: the state behind an id, -1 where it is not allowed.
      accepting: (n_states,) bool: where a text may end.
      start: the state that a text begins in.

    Attributes:
      table, accepting: of the states that are left; a text begins in state 0.
      n_to_end: (n_states,) int32: how many ids it takes at least to an accepting state.

    Raises:
      ValueError: the table is no such table, or allows no text at all.
    """

    def __init__(self, table: Any, accepting: Any, start: int = 0):
        table, accepting = _checked(np.asarray(table), np.asarray(accepting), start)
        successors = [np.unique(row[row != NONE]).tolist() for row in table]
        predecessors: list[list[int]] = [[] for _ in successors]
        for state, behind in enumerate(successors):
            for other in behind:
                predecessors[other].append(state)
        n_to_end = _distances(np.flatnonzero(accepting).tolist(), predecessors)
        if start not in n_to_end:
            raise ValueError(
                'Automaton: no accepting state can be reached from its start, so it allows no text'
            )
        kept = [state for state in _distances([start], successors) if state in n_to_end]
        numbers = np.full(len(table) + 1, NONE, np.int32)  # the last place is that of NONE
        numbers[kept] = np.arange(len(kept))
        self.table, self.accepting = numbers[table[kept]], accepting[kept]
        self.n_to_end = np.array([n_to_end[state] for state in kept], np.int32)

    @property
    def vocab_size(self) -> int:
        """How many ids it knows."""
        return self.table.shape[1]

    def accepts(self, ids: Any) -> bool:
        """Whether a whole text is allowed. Shapes: ids (n,)."""
        state = 0
        for i in np.asarray(ids, np.int64):
            state = int(self.table[state, i]) if 0 <= i < self.vocab_size else NONE
            if state == NONE:
                return False
        return bool(self.accepting[state])

    def __repr__(self):
        return f'Automaton({len(self.table)} states, {self.vocab_size} ids)'


def _checked(table, accepting, start):
    n = len(table) if table.ndim == 2 else 0
    fits = (
        n > 0
        and np.issubdtype(table.dtype, np.integer)
        and accepting.shape == (n,)
        and accepting.dtype == bool
        and ((table >= NONE) & (table < n)).all()
        and 0 <= start < n
    )
    if not fits:
        raise ValueError(
            'Automaton: expected a table (n_states, vocab_size) of ints from -1 to n_states - 1, '
            f'accepting (n_states,) of bools and one of the states to start in; got {table.dtype} '
            f'{table.shape}, {accepting.dtype} {accepting.shape} and {start!r}'
        )
    return table, accepting


def _distances(starts, successors):
    """Returns how many steps it takes to each state that can be reached, the nearest first."""
    found = dict.fromkeys(starts, 0)
    new = list(found)
    for state in new:
        for other in successors[state]:
            if other not in found:
                found[other] = found[state] + 1
                new.append(other)
    return found
