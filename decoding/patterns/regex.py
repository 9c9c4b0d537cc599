"""regex: a regular expression as an automaton over the ids of a vocabulary."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..automaton import NONE, Automaton
from .byte_automaton import compiled, numbers_as_they_come
from .syntax import parse


def regex(pattern: str, vocabulary: Any) -> Automaton:
    """Returns the automaton of the texts of ids whose text matches a whole pattern.

    It is a `constraint` of `generate`, `stream` and `beam_search`. A text matches as
    `re.fullmatch(pattern, text)` does, however its ids cut it: an id may stand for a character, a
    byte of one, or several.

    Args:
      pattern: as for Python's `re`: literals, escapes, `.`, classes such as `[^a-z\\d]`, `|`,
        groups, `* + ? {m,n}`. Flags, and what an automaton cannot do (references, looking around),
        are errors.
      vocabulary: of `retrax.data`, or the text of each id in a list: str or bytes, empty for ids
        that stand for none, which are not allowed.

    Raises:
      ValueError: the pattern has an error or something that is not supported, the message says
        where; it needs too many states; or no text of the vocabulary matches it.
    """
    table, accepting = compiled(parse(pattern))
    codes = _codes(_pieces(vocabulary))
    numbers: dict[int, int] = {0: 0}
    rows = []
    for state in numbers_as_they_come(numbers):
        behind = _behind(table, state, codes)
        found, places = np.unique(behind, return_inverse=True)
        names = [NONE if s == NONE else numbers.setdefault(int(s), len(numbers)) for s in found]
        rows.append(np.array(names, np.int32)[places])
    try:
        return Automaton(np.stack(rows), accepting[list(numbers)])
    except ValueError as error:
        raise ValueError(f'regex: no text of this vocabulary matches {pattern!r}') from error


def _pieces(vocabulary) -> Sequence[bytes]:
    pieces = vocabulary.pieces() if hasattr(vocabulary, 'pieces') else vocabulary
    return [piece.encode() if isinstance(piece, str) else piece for piece in pieces]


def _codes(pieces):
    """Returns the bytes of each id as (longest, n_ids) ints, NONE behind the end."""
    longest = max(map(len, pieces), default=0)
    codes = np.full((max(longest, 1), len(pieces)), NONE, np.int32)
    for i, piece in enumerate(pieces):
        codes[: len(piece), i] = np.frombuffer(piece, np.uint8)
    return codes


def _behind(table, state, codes):
    """Returns the state behind each id, read from a state on: (n_ids,)."""
    states = np.where(codes[0] == NONE, NONE, state)  # an id without text is not allowed
    for line in codes:
        reads = (line != NONE) & (states != NONE)
        states = np.where(reads, table[states, line], states)
    return states
