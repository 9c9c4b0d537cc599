"""Labelled text: what a classifier or a tagger learns from, as a text with one row per line.

A line is a label, a tab and the text of the row. A class is one word for the whole row; tags are
one character for each character of it:

    question<TAB>Is it raining?          a-000<TAB>x=123
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeVar

EVERY = 20
Item = TypeVar('Item')


class Row(NamedTuple):
    """A text and what is said of it."""

    label: str
    text: str


def parse_rows(text: str, tagged: bool = False) -> list[Row]:
    """Returns the rows of a labelled text; empty lines are none.

    >>> parse_rows('a\\tone\\nb\\ttwo')
    [Row(label='a', text='one'), Row(label='b', text='two')]

    Args:
      text: labelled, one row per line.
      tagged: whether a label has one character for each of the text.

    Raises:
      ValueError: a line without a tab, label or text; tags that are not as many as characters.
    """
    lines = enumerate(text.split('\n'), 1)
    return [_row(number, line, tagged) for number, line in lines if line]


def _row(number: int, line: str, tagged: bool) -> Row:
    label, tab, text = line.partition('\t')
    if not (tab and label and text):
        raise ValueError(f'line {number}: expected LABEL, a tab and a text, got {line[:60]!r}')
    return check_row(f'line {number}', label, text, tagged)


def check_row(place: str, label: str, text: str, tagged: bool = False) -> Row:
    """Returns a row; `place` says in errors where it is from.

    Raises:
      ValueError: there is no label or no text; they have line ends, or the label has a tab; tags
        that are not as many as characters.
    """
    for what, value, bad in (('label', label, '\n\t'), ('text', text, '\n')):
        if not isinstance(value, str) or not value or any(c in value for c in bad):
            raise ValueError(f'{place}: expected a {what} in one line, got {value!r:.60}')
    if tagged and len(label) != len(text):
        raise ValueError(
            f'{place}: expected a tag for each of the {len(text)} characters of '
            f'{text[:40]!r}, got {len(label)}: {label[:40]!r}'
        )
    return Row(label, text)


def format_rows(rows: Iterable[Row]) -> str:
    """Returns rows as a labelled text."""
    return ''.join(f'{row.label}\t{row.text}\n' for row in rows)


def split_rows(rows: Sequence[Item], what: str = 'rows') -> tuple[list[Item], list[Item]]:
    """Returns (training, heldout): each 20th row is held out, that is rows 19, 39, ... of 0, 1, 2.

    Raises:
      ValueError: there are fewer than 20 rows.
    """
    if len(rows) < EVERY:
        raise ValueError(
            f'expected at least {EVERY} {what}, of which each {EVERY}th is held out, got '
            f'{len(rows)}'
        )
    heldout = list(rows[EVERY - 1 :: EVERY])
    return [row for i, row in enumerate(rows) if i % EVERY != EVERY - 1], heldout


def labels_of(rows: Iterable[Row], tagged: bool = False) -> tuple[str, ...]:
    """Returns the classes, or the tags, in a fixed order; the id of one is its place.

    >>> labels_of([Row('b', 'x'), Row('a', 'y')]), labels_of([Row('ba', 'xy')], tagged=True)
    (('a', 'b'), ('a', 'b'))
    """
    found = {row.label for row in rows}
    return tuple(sorted(set().union(*found) if tagged else found))
