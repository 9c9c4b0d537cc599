"""Stages from text to ids, and the way back, with the kinds of vocabularies that Trax names."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ..byte_text import library
from ..subword import SubwordVocabulary
from ..vocabulary import ByteVocabulary
from .fields import on_keys
from .pipeline import Stage

VOCAB_TYPES = ('char', 'subword', 'sentencepiece')


class Encoding(Protocol):
    """What turns text into ids and back."""

    @property
    def size(self) -> int:
        """The number of ids."""
        ...

    def encode(self, text: str) -> Any:
        """Returns the ids of a text."""
        ...

    def decode(self, ids: Any) -> str:
        """Returns the text of ids."""
        ...


def tokenize(
    stream: Iterable[Any],
    keys: Sequence[Any] | None = None,
    vocab_type: str = 'subword',
    vocab_file: str | None = None,
    vocab_dir: str | None = None,
    n_reserved_ids: int = 0,
) -> Iterator[Any]:
    """Yields examples with texts as arrays of ids.

    Args:
      stream: of texts, tuples or dicts.
      keys: the fields of tuples or dicts that are texts; all by default.
      vocab_type: 'char' (the bytes of UTF-8, without a file), 'subword' (a file of Tensor2Tensor's
        and Trax's), or 'sentencepiece' (a model of that library, which must be installed).
      vocab_file: the name of the file.
      vocab_dir: the folder that it is in; by default the current one.
      n_reserved_ids: is added to each id.

    Raises:
      ValueError: another vocab_type, or one that needs a file without one.
      FileNotFoundError: there is no such file.
      ImportError: sentencepiece is not installed.
    """
    vocabulary = encoding(vocab_type, vocab_file, vocab_dir)

    def ids(text: Any) -> np.ndarray:
        return np.asarray(vocabulary.encode(text)) + n_reserved_ids

    return (on_keys(ids, example, keys) for example in stream)


def Tokenize(
    keys: Sequence[Any] | None = None,
    vocab_type: str = 'subword',
    vocab_file: str | None = None,
    vocab_dir: str | None = None,
    n_reserved_ids: int = 0,
) -> Stage:
    """Returns `tokenize` as a stage."""
    return lambda stream: tokenize(stream, keys, vocab_type, vocab_file, vocab_dir, n_reserved_ids)


def detokenize(
    x: Any,
    vocab_type: str = 'subword',
    vocab_file: str | None = None,
    vocab_dir: str | None = None,
    n_reserved_ids: int = 0,
) -> str:
    """Returns the text of ids; arguments as in `tokenize`, whose other direction it is."""
    ids = np.asarray(x, np.int64) - n_reserved_ids
    return encoding(vocab_type, vocab_file, vocab_dir).decode(ids)


def vocab_size(
    vocab_type: str = 'subword',
    vocab_file: str | None = None,
    vocab_dir: str | None = None,
    n_reserved_ids: int = 0,
) -> int:
    """Returns how many ids `tokenize` can give: what a model calls vocab_size."""
    return encoding(vocab_type, vocab_file, vocab_dir).size + n_reserved_ids


def sentencepiece_tokenize(
    stream: Iterable[Any], spm_path: str | None = None, extra_ids: int = 0
) -> Iterator[Any]:
    """Yields the ids of texts; of tuples, those of the first field.

    Args:
      stream: of texts, or of tuples with one field.
      spm_path: a model of sentencepiece.
      extra_ids: how many ids behind those of the model are a task's own; none comes from a text.
    """
    del extra_ids
    vocabulary = encoding('sentencepiece', spm_path, None)
    for example in stream:
        text = example[0] if isinstance(example, list | tuple) else example
        yield np.asarray(vocabulary.encode(text))


def SentencePieceTokenize(spm_path: str | None = None, extra_ids: int = 0) -> Stage:
    """Returns `sentencepiece_tokenize` as a stage."""
    return lambda stream: sentencepiece_tokenize(stream, spm_path, extra_ids)


def encoding(vocab_type: str, vocab_file: str | None, vocab_dir: str | None) -> Encoding:
    """Returns what turns text into ids, read once per file."""
    if vocab_type not in VOCAB_TYPES:
        raise ValueError(f'vocab_type: expected one of {VOCAB_TYPES}, got {vocab_type!r}')
    if vocab_type == 'char':
        return ByteVocabulary()
    if vocab_file is None:
        raise ValueError(f'vocab_type={vocab_type!r} needs a vocab_file')
    path = Path(vocab_dir or '').expanduser() / vocab_file
    if not path.is_file():
        raise FileNotFoundError(
            f"The vocabulary '{path}' is not there (looked from '{Path.cwd()}'). retrax downloads "
            "none: get the file, and say where it is: vocab_dir='FOLDER'."
        )
    return _read(vocab_type, path, path.stat().st_mtime_ns)


@functools.lru_cache(8)
def _read(vocab_type: str, path: Path, _: int) -> Encoding:
    return SubwordVocabulary.read(path) if vocab_type == 'subword' else _SentencePiece(path)


class _SentencePiece:
    def __init__(self, path: Path):
        sentencepiece = library('sentencepiece', 'A model of sentencepiece')
        self._model = sentencepiece.SentencePieceProcessor(model_file=str(path))

    @property
    def size(self) -> int:
        return self._model.get_piece_size()

    def encode(self, text: str) -> list[int]:
        return self._model.encode(text)

    def decode(self, ids: Any) -> str:
        unknown = self._model.unk_id()
        known = [int(i) if 0 <= i < self.size else unknown for i in ids]
        return self._model.decode(known)
