"""Vocabularies whose ids are pieces that were learned from a text: what BPE and unigram share.

Both learn pieces of bytes, so any text can be written. Each line is encoded by itself: where a text
ends with a newline, its ids and those of the text after it are the ids of both put together.
"""

import abc
import functools
from collections.abc import Iterable

import numpy.typing as npt

from .vocabulary import Vocabulary, one_sequence

_SMALLEST = 257  # the start id and all bytes


class LearnedVocabulary(Vocabulary):
    """How ids become text again: their pieces, put together."""

    def decode(self, ids: npt.ArrayLike) -> str:
        """Join the pieces, without id 0. A broken UTF-8 sequence becomes U+FFFD: a model that is
        cut off or still learning writes them. Shapes: (n,) -> text.

        Raises:
            ValueError: an id is not in 0..size-1.
        """
        pieces, kept = self._pieces, one_sequence(ids, self.size, f'{type(self).__name__}.decode')
        return b''.join(pieces[i] for i in kept).decode('utf-8', errors='replace')

    def pieces(self) -> list[bytes]:
        """Return the bytes of each id."""
        return list(self._pieces)

    @property
    def size(self) -> int:
        """The number of pieces and one, the start id."""
        return len(self._pieces)

    @functools.cached_property
    def _pieces(self) -> list[bytes]:
        return [b'', *self._learned()]

    @abc.abstractmethod
    def _learned(self) -> Iterable[bytes]:
        """Returns the bytes of the ids from 1 up."""


def check_size(size: int) -> None:
    """Raises ValueError unless there is room for every byte and the start id."""
    if size < _SMALLEST:
        raise ValueError(
            f'a learned vocabulary: expected a size of at least {_SMALLEST}, all bytes and the '
            f"start id, got {size}. ByteVocabulary is what has no more: vocabulary = 'bytes'."
        )
