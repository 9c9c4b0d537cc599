"""Subword vocabularies of Tensor2Tensor and Trax, such as `en_8k.subword`.

Their files have one subtoken per line, in quotes. A text is cut where letters and digits meet other
characters; a single space between two words is left out. Each piece ends with an underscore, and
what its alphabet lacks is written as a number. The longest subtokens from the left are its ids.
"""

import functools
import itertools
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

_WRITTEN = re.compile(r'\\(u|\\|\d+;)')  # in the place of an underscore, a backslash, any character
_ESCAPES = '\\_u;0123456789'  # what everything else can be written in
_NO_CHARACTER = '\N{GETA MARK}'


class SubwordVocabulary:
    """Subtokens by their ids; those of Trax have padding at 0 and the end of a text at 1.

    >>> vocabulary = SubwordVocabulary(['<pad>_', '<EOS>_', 'go', 'es_', *'_go\\\\u;0123456789'])
    >>> vocabulary.encode('goes').tolist(), vocabulary.decode([2, 3, 2, 4])
    ([2, 3], 'goes go')

    Args:
      subtokens: the strings; among them digits, a backslash, a semicolon, an underscore and u, in
        which everything else can be written.
    """

    def __init__(self, subtokens: Sequence[str]):
        self._subtokens = list(subtokens)
        self._ids = {text: i for i, text in enumerate(self._subtokens)}
        self._longest = max(map(len, self._subtokens))
        known = ''.join(sorted(set(_ESCAPES).union(*self._subtokens) - {'\n'}))
        self._unknown = re.compile(f'[^{re.escape(known)}]')
        self._encode_piece = functools.lru_cache(2**16)(self._encoded)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> 'SubwordVocabulary':
        """Reads a file with one subtoken per line, in quotes or not.

        Raises:
          OSError: it cannot be read.
          UnicodeDecodeError: it is not UTF-8.
        """
        with open(path, encoding='utf-8') as file:
            lines = [line.rstrip() for line in file]
        return cls([re.sub(r'^([\'"])(.*)\1$', r'\2', line) for line in lines])

    @property
    def size(self) -> int:
        """The number of subtokens."""
        return len(self._subtokens)

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Returns the ids of a text. Shapes: text -> (n,)."""
        ids = [i for piece in _pieces(text) for i in self._encode_piece(piece)]
        return np.array(ids, np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """Returns the text of ids; those that are none are left out. Shapes: (n,) -> text."""
        written = ''.join(self._subtokens[i] for i in ids if 0 <= i < self.size)
        return _joined([_read(piece) for piece in written.split('_') if piece])

    def _encoded(self, piece):
        written, ids = self._written(piece), []
        while written:
            sizes = range(min(len(written), self._longest), 0, -1)
            size = next((n for n in sizes if written[:n] in self._ids), 0)
            if not size:
                raise ValueError(
                    f'this subword vocabulary cannot write {piece!r}: it lacks {written[0]!r}'
                )
            ids.append(self._ids[written[:size]])
            written = written[size:]
        return tuple(ids)

    def _written(self, piece):
        plain = piece.replace('\\', r'\\').replace('_', r'\u')
        return self._unknown.sub(lambda found: f'\\{ord(found[0])};', plain) + '_'


def _is_word(text):
    """Whether a character, or the first one of a text, is a letter or a number."""
    return unicodedata.category(text[0])[0] in 'LN'


def _pieces(text):
    """Returns runs of letters and numbers, and of what is neither; no single space between two."""
    runs = [''.join(run) for _, run in itertools.groupby(text, _is_word)]
    return [run for i, run in enumerate(runs) if run != ' ' or i in (0, len(runs) - 1)]


def _joined(pieces):
    """Returns the text of pieces, with the spaces that `_pieces` leaves out."""
    text = ''
    for before, piece in zip(['', *pieces], pieces, strict=False):
        text += ' ' * bool(before and _is_word(before) and _is_word(piece)) + piece
    return text


def _read(written):
    def character(found):
        number = found[1].rstrip(';')
        if not number.isdigit():
            return '_' if number == 'u' else '\\'
        return chr(int(number)) if int(number) <= sys.maxunicode else _NO_CHARACTER

    return _WRITTEN.sub(character, written)
