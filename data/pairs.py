"""Pairs of texts, a source and a target that is written for it: in a text with one pair per line.

A line is the source, a tab and the target:

    3rd of May, 1998<TAB>1998-05-03

What is learned ends with the end of the line: a target that is read ends with END.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from .files import Source, field_of, files_of, read_lines, read_records

END = '\n'


class Pair(NamedTuple):
    """A text and what it becomes."""

    source: str
    target: str


def parse_pairs(text: str) -> list[Pair]:
    """Returns the pairs of a text; empty lines are none.

    >>> parse_pairs('one\\teins\\ntwo\\tzwei')
    [Pair(source='one', target='eins'), Pair(source='two', target='zwei')]

    Raises:
      ValueError: a line is not SOURCE, a tab and TARGET.
    """
    lines = enumerate(text.split('\n'), 1)
    return [_pair(f'line {number}', line) for number, line in lines if line]


def format_pairs(pairs: Iterable[Pair]) -> str:
    """Returns pairs as a text."""
    return ''.join(f'{pair.source}\t{pair.target}\n' for pair in pairs)


def read_pairs(source: Source, fields: tuple[str, str] = ('source', 'target')) -> Iterator[Pair]:
    """Yields pairs from files of JSON lines, or else from lines SOURCE, a tab, TARGET.

    Args:
      source: a file or a folder, see `files_of`; JSON lines are known by their name, *.jsonl(.gz).
      fields: the names of both in JSON lines.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: a line is no pair; names the file and the line.
    """
    for file in files_of(source):
        if '.jsonl' in file.suffixes:
            for place, record in read_records(file):
                yield check_pair(place, *(field_of(place, record, field) for field in fields))
            continue
        for number, line in enumerate(read_lines(file), 1):
            if line.strip('\n'):
                yield _pair(f'{file}, line {number}', line.rstrip('\n'))


def check_pair(place: str, source: object, target: object) -> Pair:
    """Returns a pair; `place` says in errors where it is from.

    Raises:
      ValueError: a side is no text, empty, or has tabs or line ends, which part pairs.
    """
    for what, side in (('source', source), ('target', target)):
        if not isinstance(side, str) or not side or '\t' in side or '\n' in side:
            raise ValueError(f'{place}: expected a {what} in one line, got {side!r:.60}')
    return Pair(str(source), str(target))


def _pair(place: str, line: str) -> Pair:
    sides = line.split('\t')
    if len(sides) == 2 and all(sides):
        return Pair(*sides)
    more = f' with {len(sides) - 1} tabs; cut -f1,2 leaves out the other columns'
    raise ValueError(
        f'{place}: expected SOURCE, a tab and TARGET, got {line[:60]!r}'
        + (more if len(sides) > 2 else '')
    )
