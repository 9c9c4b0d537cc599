"""Lines of Python's standard library, each character tagged as a syntax highlighter would.

What a name is shows after it: a call by its bracket, an assignment by its sign. So a tagger that
reads from both ends knows more than one that has read only up to the name.
"""

import io
import itertools
import keyword
import tokenize

from .documentation import sources
from .labelled import Row, format_rows

TAGS = {
    'k': 'a keyword',
    'd': 'a name that is defined here, by def or class',
    'c': 'a name that is called',
    'a': 'a name that is assigned to, also as an argument',
    'n': 'another name',
    's': 'a string',
    '0': 'a number',
    '#': 'a comment',
    '-': 'anything else: signs and spaces',
}
_EVERY = 8  # files; all of them would be twenty times as much as a minute of training reads
_SHORTEST, _LONGEST = 8, 80


def python_source() -> str:
    """Returns a tagged text: lines of 8 to 80 characters without their indentation, none twice.

    Lines that belong to a string of several lines are left out: alone they are prose.

    Raises:
        RuntimeError: this Python ships no source files.
    """
    rows: dict[str, Row] = {}
    for source in itertools.islice(sources(), 0, None, _EVERY):
        for row in tagged_lines(source):
            rows.setdefault(row.text, row)
    if not rows:
        raise RuntimeError(
            'This Python ships no source files of its standard library. Give the path of a tagged '
            'text instead.'
        )
    return format_rows(rows.values())


def tagged_lines(source: str) -> list[Row]:
    """Returns the lines of Python source with their tags; none where it is not valid Python.

    >>> tagged_lines("x = print('hi')  # hello\\n")
    [Row(label='a---ccccc-ssss---#######', text="x = print('hi')  # hello")]
    """
    lines = source.split('\n')
    tags = [['-'] * len(line) for line in lines]
    is_whole = [True] * len(lines)
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError):
        return []
    around = zip([None, *tokens], tokens, [*tokens[1:], None], strict=False)
    for before, token, after in around:
        (row, start), (last, end) = token.start, token.end
        if last > row:
            is_whole[row - 1 : last] = [False] * (last - row + 1)
        elif tag := _tag(before, token, after):
            tags[row - 1][start:end] = tag * (end - start)
    rows = []
    for line, tag, whole in zip(lines, tags, is_whole, strict=True):
        text, start = line.strip(), len(line) - len(line.lstrip())
        if whole and _SHORTEST <= len(text) <= _LONGEST and text.isascii():
            rows.append(Row(''.join(tag[start : start + len(text)]), text))
    return rows


def _tag(before, token, after):
    """Returns the tag of a token, '' for one that has none."""
    kind = tokenize.tok_name[token.type]
    if kind == 'STRING' or kind.startswith('FSTRING'):
        return 's'
    if kind != 'NAME':
        return {'NUMBER': '0', 'COMMENT': '#'}.get(kind, '')
    if keyword.iskeyword(token.string):
        return 'k'
    if before is not None and before.string in ('def', 'class'):
        return 'd'
    return {'(': 'c', '=': 'a'}.get(after.string if after is not None else '', 'n')
