"""Python's own documentation as one text: about 2 MB of real English with code, no download.

It reads what the running interpreter ships: `pydoc_data.topics` and the docstrings of the standard
library's source files. It knows nothing of corpora or splits, except that a paragraph that stood
twice would end up on both sides of one: so paragraphs are made unique here, before any split.
"""

import inspect
import re
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

# Tests repeat themselves and hold odd encodings; installed packages differ between machines;
# pydoc_data is read through its module instead.
_SKIPPED = frozenset(
    {'test', 'tests', 'idle_test', 'site-packages', 'dist-packages', 'pydoc_data', '__pycache__'}
)

# The comments and the short strings are matched too, so that a quote inside one of them cannot
# open a docstring. A walk over the syntax trees finds much the same strings, ten times slower.
_TOKENS = re.compile(
    r'''\#[^\n]*
      | (?P<quotes>"""|\'\'\') (?P<body>(?:[^\\]|\\.)*?) (?P=quotes)
      | "(?:[^"\\\n]|\\.)*"
      | '(?:[^'\\\n]|\\.)*'
    ''',
    re.DOTALL | re.VERBOSE,
)
_STRING_PREFIXES = frozenset({'', 'r', 'R', 'u', 'U'})
_BLANK_LINE = re.compile(r'\n\s*\n')
_COMPARED = 80


def documentation() -> str:
    """Return the topics of `help()` and the standard library's docstrings, no paragraph twice.

    The order is fixed (topics by name, then files by path), so one Python version gives one text.

    Raises:
        RuntimeError: this Python ships neither `pydoc_data` nor the library's source files.
    """
    text = '\n\n'.join(unique_paragraphs([*_topics(), *_docstrings()]))
    if not text:
        raise RuntimeError(
            'This Python ships neither pydoc_data nor the source files of its standard library, '
            'so there is no documentation to read. Give the path of a UTF-8 text file instead.'
        )
    return text


def unique_paragraphs(texts: Iterable[str]) -> list[str]:
    """Split texts at blank lines and keep each paragraph once, at its first place.

    Paragraphs that differ in white space only count as the same. A paragraph of at least 80
    characters that stands word for word inside a longer one is dropped as well.

    >>> unique_paragraphs(['one\\n\\ntwo', 'two\\n\\nthree'])
    ['one', 'two', 'three']
    """
    first_seen: dict[str, str] = {}
    for text in texts:
        for paragraph in _BLANK_LINE.split(text):
            words = ' '.join(paragraph.split())
            if words:
                first_seen.setdefault(words, paragraph.strip('\n').rstrip())
    paragraphs = list(first_seen.values())
    contained = _contained(paragraphs)
    return [paragraph for paragraph in paragraphs if paragraph not in contained]


def _contained(paragraphs: list[str]) -> set[str]:
    """Find the paragraphs of at least 80 characters that are a part of another one."""
    by_start: dict[str, list[str]] = {}
    for paragraph in paragraphs:
        if len(paragraph) >= _COMPARED:
            by_start.setdefault(paragraph[:_COMPARED], []).append(paragraph)
    found: set[str] = set()
    for outer in paragraphs:
        # One dictionary look-up per position: comparing all pairs takes ten seconds.
        for at in range(len(outer) - _COMPARED + 1):
            for inner in by_start.get(outer[at : at + _COMPARED], ()):
                if inner is not outer and outer.startswith(inner, at):
                    found.add(inner)
    return found


def _topics() -> list[str]:
    try:
        from pydoc_data.topics import topics
    except ImportError:  # some distributions ship it as a package of its own
        return []
    return [topics[name] for name in sorted(topics)]


def _docstrings() -> Iterator[str]:
    for source in sources():
        yield from docstrings(source)


def sources() -> Iterator[str]:
    """Yield the source files of the standard library by path; '' for one that cannot be read."""
    root = Path(sysconfig.get_path('stdlib'))
    files = [path.relative_to(root) for path in root.rglob('*.py')]
    for path in sorted(files, key=Path.as_posix):
        if _SKIPPED.isdisjoint(path.parts):
            yield _source(root / path)


def _source(path: Path) -> str:
    try:
        return path.read_text(encoding='utf-8')
    except (OSError, UnicodeDecodeError):  # a broken link, no permission, an old encoding
        return ''


def docstrings(source: str) -> Iterator[str]:
    """Yield the triple-quoted strings of Python source that begin a line, without indentation.

    >>> list(docstrings('def f():\\n    \"\"\"Say\\n    it.\"\"\"\\n    x = \"\"\"not this\"\"\"'))
    ['Say\\nit.']
    """
    for match in _TOKENS.finditer(source):
        if match['quotes'] is None:
            continue
        line_start = source.rfind('\n', 0, match.start()) + 1
        if source[line_start : match.start()].strip() in _STRING_PREFIXES:
            yield inspect.cleandoc(match['body'])
