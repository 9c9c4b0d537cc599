"""Text in files: plain or gzip, one or a folder of them, line by line, and fields of JSON lines.

Nothing is read before it is asked for, and no more than a line is held.
"""

import gzip
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

Source = str | os.PathLike[str]


def files_of(source: Source, pattern: str = '*') -> list[Path]:
    """Returns a file, or the files of a folder and its folders in the order of their paths.

    Args:
      source: the file or folder.
      pattern: which names count in a folder, such as '*.txt'; hidden files never do.

    Raises:
      FileNotFoundError: there is nothing of that name, or no such file in the folder.
    """
    path = Path(source).expanduser()
    if path.is_file():
        return [path]
    if not path.exists():
        raise FileNotFoundError(f"'{path}' does not exist (looked from '{Path.cwd()}')")
    found = (file for file in sorted(path.rglob(pattern)) if file.is_file())
    files = [f for f in found if not any(p.startswith('.') for p in f.relative_to(path).parts)]
    if not files:
        raise FileNotFoundError(f"the folder '{path}' has no file that is called {pattern!r}")
    return files


def read_lines(source: Source, pattern: str = '*') -> Iterator[str]:
    """Yields the lines of files, each with its newline, if it has one. Files *.gz are gzip.

    A byte order mark is dropped, and every line end becomes a newline.

    Raises:
      FileNotFoundError: see `files_of`.
      ValueError: a line is not UTF-8, or a gzip file is damaged; names the file and the line.
    """
    for file in files_of(source, pattern):
        for _, line in _numbered(file):
            yield line


def read_jsonl(
    source: Source, fields: Sequence[str] = ('text',), pattern: str = '*.jsonl*'
) -> Iterator[tuple[Any, ...]]:
    """Yields fields of JSON objects, one per line; empty lines are left out.

    Raises:
      FileNotFoundError: see `files_of`.
      ValueError: a line is not an object, or lacks a field; names the file and the line.
    """
    for place, record in read_records(source, pattern):
        yield tuple(field_of(place, record, field) for field in fields)


def read_records(source: Source, pattern: str = '*.jsonl*') -> Iterator[tuple[str, dict[str, Any]]]:
    """Yields JSON objects, one per line, each with its place in words, 'FILE, line 3'.

    Raises:
      FileNotFoundError: see `files_of`.
      ValueError: a line is not an object; names the file and the line.
    """
    for file in files_of(source, pattern):
        for number, line in _numbered(file):
            if line.strip():
                place = f'{file}, line {number}'
                yield place, _record(place, line)


def field_of(place: str, record: dict[str, Any], field: str) -> Any:
    """Returns a field of a record, or raises ValueError with its place."""
    if field not in record:
        raise ValueError(f'{place}: no field {field!r}; it has {sorted(record)[:10]}')
    return record[field]


def _record(place, line):
    try:
        found = json.loads(line)
    except ValueError as error:
        raise ValueError(f'{place}: expected JSON, got {line[:40]!r}: {error}') from error
    if not isinstance(found, dict):
        raise ValueError(f'{place}: expected a JSON object, got {type(found).__name__}')
    return found


def _numbered(file: Path) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with gzip.open(file) if file.suffix == '.gz' else open(file, 'rb') as stream:
            for number, content in enumerate(_lines(stream), 1):
                line = content.decode('utf-8-sig' if number == 1 else 'utf-8')
                yield number, line
    except UnicodeDecodeError as error:
        raise ValueError(
            f'{file}, line {number}: not UTF-8: byte {error.start} of the line is '
            f'0x{error.object[error.start]:02x}. If you know its encoding, convert it first, for '
            'example: iconv -f latin1 -t utf-8 OLD > NEW'
        ) from error
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f'{file}, after line {number}: damaged gzip file: {error}') from error


def _lines(stream):
    """Yields lines of bytes; \\r\\n and \\r become \\n."""
    for content in stream:
        if b'\r' not in content:
            yield content
            continue
        whole = content.replace(b'\r\n', b'\n').replace(b'\r', b'\n')
        yield from whole.splitlines(keepends=True)
