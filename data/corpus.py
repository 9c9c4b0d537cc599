"""A corpus: a text with a name and a hash, where it comes from, and how it is split.

It knows nothing of vocabularies or batches. The hash exists because the default corpus differs
between Python versions: a result that does not say which text it was measured on says little.
"""

import functools
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .agreement import agreement
from .documentation import documentation
from .documents import DOCUMENT_END
from .files import field_of, files_of, read_lines, read_records
from .labelled import check_row, format_rows
from .made_pairs import MADE_PAIRS, pairs_text
from .pairs import check_pair, format_pairs
from .pictures import pictures
from .python_source import python_source

BLOCK = 20_000
EVERY = 20


@dataclass(frozen=True, repr=False)
class Corpus:
    """A named text.

    >>> Corpus('tiny', 'höh')
    Corpus(name='tiny', n_characters=3, sha256='ee4eeefa...')
    """

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """The SHA-256 of the text's UTF-8 bytes, as 64 hexadecimal digits."""
        return hashlib.sha256(self.text.encode('utf-8')).hexdigest()

    @property
    def n_characters(self) -> int:
        """The length of the text in characters (code points, not bytes)."""
        return len(self.text)

    def __repr__(self) -> str:
        return (
            f'Corpus(name={self.name!r}, n_characters={self.n_characters}, '
            f"sha256='{self.sha256[:8]}...')"
        )


@functools.cache
def python_docs() -> Corpus:
    """Return the default corpus: Python's own documentation, read from the running interpreter.

    About 2 MB, no download, under the PSF licence. It differs between Python versions: store
    `sha256` and `n_characters` with every result. Read once per process.

    Raises:
        RuntimeError: this Python ships no documentation (see `documentation`).
    """
    return Corpus('python_docs', documentation())


def read_text(path: str | os.PathLike[str]) -> Corpus:
    """Read a UTF-8 text file. A byte order mark is dropped; every line end becomes a newline.

    Raises:
        FileNotFoundError, IsADirectoryError: there is no such file.
        ValueError: the file is empty, only white space, or not UTF-8.
    """
    file = Path(path).expanduser()
    text = _decode(file, _read_bytes(file)).removeprefix('\ufeff')
    if not text.strip():
        what = 'contains only white space' if text else 'is empty'
        raise ValueError(f"The corpus file '{file}' {what}: there is nothing to learn from.")
    return Corpus(file.name, text.replace('\r\n', '\n').replace('\r', '\n'))


def load(source: str | os.PathLike[str], documents: bool = False) -> Corpus:
    """Return the corpus that a config names: 'python_docs', or the path of a UTF-8 text file.

    Some corpora are labelled texts, see `parse_rows`: 'agreement' and 'pictures' have classes,
    'python_source' has tags. 'copy', 'reverse', 'addition' and 'dates' are texts of pairs, see
    `parse_pairs`. A path may also be that of a folder, whose files are read in the order of their
    paths, of a file *.gz, and of JSON lines, *.jsonl: objects with a 'text', for labelled texts
    with a 'label' too, and for pairs with 'source' and 'target'. With `documents` each file of a
    folder and each 'text' is one, see `documents_of`.

    Raises:
        what `python_docs`, `python_source`, `read_text` and `read_lines` raise.
    """
    if source == 'python_docs':
        return python_docs()
    labelled = {'agreement': agreement, 'pictures': pictures, 'python_source': python_source}
    if (make := labelled.get(str(source))) is not None:
        return Corpus(str(source), make())
    if source in MADE_PAIRS:
        return Corpus(str(source), pairs_text(str(source)))
    path = Path(source).expanduser()
    if path.is_dir():
        end = DOCUMENT_END if documents else ''
        return Corpus(path.name, end.join(_text_of(file, documents) for file in files_of(path)))
    if {*path.suffixes} & _READ:
        return Corpus(path.name, _text_of(path, documents))
    return read_text(path)


_READ = {'.gz', '.jsonl'}


def _text_of(file: Path, documents: bool) -> str:
    """Returns the text of one file, which ends with a newline."""
    if '.jsonl' not in file.suffixes:
        text = ''.join(read_lines(file))
        return text if text.endswith('\n') else f'{text}\n'
    parts = []
    for place, record in read_records(file):
        part = _part_of(place, record, DOCUMENT_END if documents else '\n\n')
        if half := _HALF.search(part):
            raise ValueError(
                f'{place}: {half[0]!r} is half of a character, which is no UTF-8: a text that was '
                "cut. Write U+FFFD in its place: text.encode('utf-16', 'surrogatepass')"
                ".decode('utf-16', 'replace')"
            )
        parts.append(part)
    return ''.join(parts)


_HALF = re.compile('[\ud800-\udfff]')  # JSON can hold one of two that belong together


def _part_of(place, record, end):
    """Returns the text of a record: a pair, a labelled row, or a text and what ends it."""
    if 'text' not in record and 'source' in record:
        return format_pairs(
            [check_pair(place, record['source'], field_of(place, record, 'target'))]
        )
    text = field_of(place, record, 'text')
    if 'label' in record:
        return format_rows([check_row(place, record['label'], text)])
    if not isinstance(text, str):
        raise ValueError(f'{place}: expected a text, got {text!r:.60}')
    return f'{text}{end}'


def _read_bytes(file: Path) -> bytes:
    if file.is_dir():
        raise IsADirectoryError(
            f"The corpus '{file}' is a directory; expected one UTF-8 text file. "
            'Give one of its files, or join them into one.'
        )
    try:
        return file.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(
            f"The corpus file '{file}' does not exist (looked from '{Path.cwd()}'). Give the path "
            "of a UTF-8 text file, or 'python_docs' for Python's own documentation."
        ) from None


def _decode(file: Path, content: bytes) -> str:
    try:
        return content.decode('utf-8')
    except UnicodeDecodeError as error:
        raise ValueError(
            f"The corpus file '{file}' is not UTF-8: byte {error.start} is "
            f'0x{content[error.start]:02x} ({error.reason}). If you know its encoding, convert it '
            'first, for example: iconv -f latin1 -t utf-8 OLD > NEW'
        ) from error


class Span(NamedTuple):
    """The characters from `start` up to and without `stop`, and the side they belong to."""

    start: int
    stop: int
    heldout: bool


def spans(n_characters: int, block: int = BLOCK, every: int = EVERY) -> list[Span]:
    """Cut a length into blocks and hold out each `every`-th: blocks 19, 39, ... of 0, 1, 2, ...

    A text of less than `every` blocks would have nothing held out. Its blocks are shortened to
    n_characters // every characters, so that one block (about 1 / every of the text) always is.

    >>> spans(7, block=100, every=3)  # doctest: +NORMALIZE_WHITESPACE
    [Span(start=0, stop=2, heldout=False), Span(start=2, stop=4, heldout=False),
     Span(start=4, stop=6, heldout=True), Span(start=6, stop=7, heldout=False)]

    Raises:
        ValueError: block < 1, every < 2, or fewer characters than `every`.
    """
    if block < 1 or every < 2:
        raise ValueError(
            f'The split got block={block}, every={every}; block must be at least 1 and every at '
            'least 2 (every=20 holds out each 20th block; every=1 would leave no training text).'
        )
    if n_characters < every:
        raise ValueError(
            f'The split cannot hold out each {every}th block of a text of {n_characters} '
            f'characters. Use a text of at least {every} characters, or a smaller `every`.'
        )
    size = min(block, n_characters // every)
    return [
        Span(start, min(start + size, n_characters), index % every == every - 1)
        for index, start in enumerate(range(0, n_characters, size))
    ]


def split(text: str, block: int = BLOCK, every: int = EVERY) -> tuple[str, str]:
    """Split a text into (train, heldout): each 20th block of 20,000 characters is held out.

    Blocks spread the held-out part over the whole text, so that both sides have its mixture.
    The sides do not overlap and nothing is lost; `spans` says which characters went where, and
    how a short text is cut.

    >>> split('abcdefgh', block=2, every=2)
    ('abef', 'cdgh')

    Raises:
        ValueError: what `spans` raises.
    """
    cut = spans(len(text), block, every)
    train = ''.join(text[start:stop] for start, stop, heldout in cut if not heldout)
    return train, ''.join(text[start:stop] for start, stop, heldout in cut if heldout)
