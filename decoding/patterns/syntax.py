"""Reads a regular expression, as Python's `re` writes them, into a tree."""

import re
from typing import Any, NoReturn

from . import characters
from .escapes import escaped
from .tree import Either, OneOf, Repeated, Row

_COUNT = re.compile(r'\{(\d*)(?:(,)(\d*))?\}')


def parse(pattern: str) -> Any:
    """Returns the tree of a pattern.

    Understood: literals, escapes, `.`, classes, `|`, groups, `* + ?`, `{m,n}` and their lazy forms,
    which allow the same texts.

    Raises:
      ValueError: the pattern is not complete, or has what an automaton cannot be made of; the
        message says where.
    """
    reader = Reader(pattern)
    tree = _either(reader)
    if reader.next:
        reader.refuse('an unmatched )')
    return tree


class Reader:
    """A place in a pattern."""

    def __init__(self, pattern: str):
        self.pattern, self.place = pattern, 0

    @property
    def next(self) -> str:
        """The next character; '' at the end."""
        return self.pattern[self.place : self.place + 1]

    def take(self, n: int = 1) -> str:
        """Returns the next n characters, and goes behind them."""
        taken = self.pattern[self.place : self.place + n]
        self.place += n
        return taken

    def takes(self, text: str) -> bool:
        """Goes behind a text if it is next."""
        found = self.pattern.startswith(text, self.place)
        self.place += len(text) * found
        return found

    def refuse(self, why: str, at: int | None = None) -> NoReturn:
        """Raises ValueError: what is wrong at a place, which is here by default."""
        at = self.place if at is None else at
        raise ValueError(f'regex: {why}, at position {at} of {self.pattern!r}')


def _either(reader):
    parts = [_row(reader)]
    while reader.takes('|'):
        parts.append(_row(reader))
    return parts[0] if len(parts) == 1 else Either(tuple(parts))


def _row(reader):
    parts = []
    while reader.next not in ('', '|', ')'):
        parts.append(_repeated(reader))
    return Row(tuple(parts))


def _repeated(reader):
    begin = reader.place
    part = _single(reader)
    limits = _limits(reader)
    if limits is None:
        return part
    if reader.next == '+':
        reader.refuse('a possessive repeat, which is not supported: take the + away')
    reader.takes('?')  # lazy or not, the same texts match
    again = reader.place
    if _limits(reader) is not None:
        reader.refuse('a repeat of a repeat: put the first into (?:...)', again)
    if limits[1] is not None and limits[0] > limits[1]:
        reader.refuse(f'a repeat of at least {limits[0]} and at most {limits[1]} times', begin)
    return Repeated(part, *limits)


def _limits(reader):
    """Returns (least, most) if a repeat is next, and goes behind it."""
    for sign, limits in (('*', (0, None)), ('+', (1, None)), ('?', (0, 1))):
        if reader.takes(sign):
            return limits
    found = _COUNT.match(reader.pattern, reader.place)
    if found is None or found.group() == '{}':  # then { is a plain character
        return None
    reader.take(len(found.group()))
    least, comma, most = found.groups()
    if comma is None:
        return int(least), int(least)
    return int(least or 0), int(most) if most else None


def _single(reader):
    begin, sign = reader.place, reader.take()
    if sign == '(':
        return _group(reader, begin)
    if sign == '[':
        return OneOf(_class(reader, begin))
    if sign == '.':
        return OneOf(characters.without(characters.one('\n')))
    if sign == '\\':
        return OneOf(escaped(reader, begin, inside=False))
    if sign in '*+?':
        reader.refuse(f'a {sign} with nothing to repeat; for the character write \\{sign}', begin)
    if sign in '^$':
        reader.refuse(f'a {sign}, which is not supported: all has to match anyway', begin)
    return OneOf(characters.one(sign))


def _group(reader, begin):
    if reader.next == '?' and not reader.takes('?:'):
        reader.refuse('a group (?...) other than (?:...), which is not supported', begin)
    tree = _either(reader)
    if not reader.takes(')'):
        reader.refuse('a ( without its )', begin)
    return tree


def _class(reader, begin):
    """Reads a class behind its [; a ] that comes first is a plain character."""
    is_negated = reader.takes('^')
    found: list[tuple[int, int]] = []
    first = reader.place
    while reader.next != ']' or reader.place == first:
        found += _members(reader, begin)
    reader.take()
    ranges = characters.joined(found)
    return characters.without(ranges) if is_negated else ranges


def _members(reader, begin):
    at = reader.place
    low = _member(reader, begin)
    if reader.next != '-' or reader.pattern[reader.place + 1 : reader.place + 2] in ('', ']'):
        return low
    reader.take()
    high = _member(reader, begin)
    ends = [ranges[0][0] for ranges in (low, high) if _is_one(ranges)]
    if len(ends) < 2 or ends[0] > ends[1]:
        text = reader.pattern[at : reader.place]
        reader.refuse(f'a range {text} that does not go from one character up to another', at)
    return [(ends[0], ends[1])]


def _member(reader, begin):
    if not reader.next:
        reader.refuse('a [ without its ]', begin)
    at, sign = reader.place, reader.take()
    return escaped(reader, at, inside=True) if sign == '\\' else characters.one(sign)


def _is_one(ranges):
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]
