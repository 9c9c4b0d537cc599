"""Tokens in a file: a text that is larger than the memory, encoded once and read window by window.

Two files: PATH has the ids, little-endian, two bytes each where the vocabulary is small enough, and
PATH.json says how many they are and which vocabulary they belong to.
"""

import contextlib
import hashlib
import itertools
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .batches import StoredTokens

_FORMAT = 'retrax tokens'
_AT_ONCE = 1_000_000  # characters


class _Encoder(Protocol):
    @property
    def size(self) -> int: ...
    @property
    def fingerprint(self) -> str: ...
    def encode(self, text: str) -> npt.NDArray[np.int32]: ...
    def to_json(self) -> dict[str, Any]: ...


class TokenFile(StoredTokens):
    """The ids of a file that `write` made: `ContiguousBatches(TokenFile(path), ...)`.

    Raises:
        FileNotFoundError: it is not there.
        ValueError: it is no such file, or not whole.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser()
        described = json.loads(_facts_of(self.path).read_text(encoding='utf-8'))
        if described.get('format') != _FORMAT:
            raise ValueError(f'{self.path}: expected a {_FORMAT} file, see TokenFile.write')
        self._dtype, self._n = np.dtype(described['dtype']), described['n_tokens']
        self.fingerprint: str = described['vocabulary']
        self.described: dict[str, Any] = described
        n_bytes = self.path.stat().st_size
        if n_bytes != self._n * self._dtype.itemsize:
            raise ValueError(
                f'{self.path}: expected {self._n:,} tokens of {self._dtype.itemsize} bytes, but it '
                f'has {n_bytes:,} bytes: it is not whole. Write it again.'
            )

    @staticmethod
    def is_at(path: str | os.PathLike[str]) -> bool:
        """Whether such a file is there: its facts lie beside it."""
        facts = _facts_of(Path(path).expanduser())
        return facts.is_file() and f'"{_FORMAT}"' in facts.read_text(encoding='utf-8')

    @classmethod
    def write(
        cls, path: str | os.PathLike[str], lines: Iterable[str], vocabulary: _Encoder
    ) -> 'TokenFile':
        """Encodes lines, such as those of `read_lines`, holding about a million characters.

        Nothing is at `path` before all is written, nor are the facts of other ids ever beside it.

        Args:
          path: of the file.
          lines: pieces of a text, each with its newline: a learned vocabulary encodes lines.
          vocabulary: what encodes them.
        """
        path = Path(path).expanduser()
        facts = _facts_of(path)
        dtype = np.dtype('<u2' if vocabulary.size <= 1 << 16 else '<i4')
        unfinished = [file.with_name(f'.{file.name}.new') for file in (path, facts)]
        n_tokens, n_characters, digest = 0, 0, hashlib.sha256()
        with _synced(unfinished[0]) as file:
            for text in _together(lines):
                ids = vocabulary.encode(text).astype(dtype)
                file.write(content := ids.tobytes())
                digest.update(content)
                n_tokens, n_characters = n_tokens + len(ids), n_characters + len(text)
        described = {
            'format': _FORMAT,
            'dtype': dtype.str,
            'n_tokens': n_tokens,
            'vocabulary': vocabulary.fingerprint,
            'contents': vocabulary.to_json(),
            'n_characters': n_characters,
            'sha256': digest.hexdigest(),
        }
        with _synced(unfinished[1]) as file:
            file.write(json.dumps(described).encode() + b'\n')
        facts.unlink(missing_ok=True)  # from here to the end there are ids, and none is read
        unfinished[0].replace(path)
        unfinished[1].replace(facts)
        return cls(path)

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, places: slice) -> npt.NDArray[np.integer]:
        start, stop, _ = places.indices(self._n)
        count, offset = max(0, stop - start), start * self._dtype.itemsize
        return np.fromfile(self.path, self._dtype, count, offset=offset)

    def __repr__(self) -> str:
        return f"TokenFile('{self.path}', n_tokens={self._n})"


def _together(lines):
    """Yields lines put together, some at a time."""
    held, size = [], 0
    for line in itertools.chain(lines, [None]):
        if line is not None:
            held.append(line)
            size += len(line)
        if held and (line is None or size >= _AT_ONCE):
            yield ''.join(held)
            held, size = [], 0


@contextlib.contextmanager
def _synced(path):
    """Gives a new file to a block of code, and waits at its end until the disk has it."""
    with open(path, 'wb') as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


def _facts_of(path):
    return path.with_name(f'{path.name}.json')
