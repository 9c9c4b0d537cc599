"""Which characters a unit responds to."""

import unicodedata
from typing import NamedTuple

import numpy as np

FEWEST = 8  # places of a group, below which chance would look like a response
FEWEST_RUNS = 3  # stretches of the text that they are in


class Response(NamedTuple):
    """A unit and the group of characters that it tells best from all others."""

    unit: int
    group: str
    score: float  # from -1 to 1; above 0 the unit is higher there


def groups(characters: list[str]) -> dict[str, np.ndarray]:
    """Returns for each group of places in a text, by its name, which places are in it."""
    text = [c[-1:] or ' ' for c in characters]
    found = {shown(c): np.array([x == c for x in text]) for c in sorted(set(text))}
    kinds = np.array([unicodedata.category(c) for c in text])
    found['a capital'] = kinds == 'Lu'
    found['a digit'] = kinds == 'Nd'
    found['punctuation'] = np.array([kind.startswith(('P', 'S')) for kind in kinds])
    found['white space'] = np.array([c.isspace() for c in text])
    letters = np.array([c.isalnum() or c == '_' for c in text])
    before = np.concatenate([[False], letters[:-1]])
    found['word start'] = letters & ~before
    found['inside ( )'] = _inside(text)
    return found


def responses(values: np.ndarray, characters: list[str], n: int = 12) -> list[Response]:
    """Returns the units that respond most clearly to a group of characters.

        score = corr(value, 1 in the group and 0 elsewhere)

    It is the point-biserial correlation: 1 where the unit has one value in the group and a lower
    one everywhere else, 0 where it does not care, below 0 where it is lower in the group. Its
    square is the part of the unit's variance that the group explains. Groups are single
    characters, and kinds of places; those of fewer than 8 places or 3 stretches of the text, or
    with fewer around them, do not count. Of each unit there is its best group.

    Shapes: values (t, n_units), of which the value at t is that after reading character t.

    Source: Pearson 1909, On a new method of determining correlation.
    """
    named = {name: m for name, m in groups(characters).items() if _often(m) and _often(~m)}
    if not named:
        return []
    members, values = _standard(np.stack(list(named.values()), axis=1)), _standard(values)
    scores = members.T @ values / len(values)  # (groups, n_units)
    best = np.abs(scores).argmax(0)
    order = np.argsort(-np.abs(scores).max(0), kind='stable')[:n]
    names = list(named)
    return [Response(int(i), names[best[i]], float(scores[best[i], i])) for i in order]


def shown(character: str) -> str:
    """Returns a character as it can be seen."""
    known = {' ': 'space', '\n': 'line break', '\t': 'tab', '\r': 'carriage return'}
    return known.get(character, character)


def _often(members):
    n_runs = np.count_nonzero(np.diff(members.astype(np.int8), prepend=0) == 1)
    return members.sum() >= FEWEST and n_runs >= FEWEST_RUNS


def _standard(values):
    """Returns columns with mean 0 and variance 1; zeros where nothing varies."""
    values = values.astype(np.float64)
    values = values - values.mean(0)
    return values / np.maximum(values.std(0), 1e-12)


def _inside(text):
    depth, found = 0, []
    for c in text:
        depth = max(0, depth + (c == '(') - (c == ')'))
        found.append(depth > 0)
    return np.array(found)
