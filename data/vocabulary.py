"""Vocabularies: text to integer ids and back, in a fixed order that a checkpoint can name.

Id 0 is the start of a sequence and the padding in every vocabulary. They know nothing of models:
a model is told the `size`, and a checkpoint stores the `fingerprint` and `to_json()`.
"""

import abc
import hashlib
import json
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import numpy.typing as npt

from .ids import START_ID, check_ids

_UNKNOWN_ID = 1
_REPLACEMENT = '\N{REPLACEMENT CHARACTER}'


class Vocabulary(abc.ABC):
    """What every vocabulary offers. Two of them are equal when their fingerprints are."""

    start_id: Final = START_ID
    kind: ClassVar[str]

    @property
    @abc.abstractmethod
    def size(self) -> int:
        """The number of ids: what a model calls `vocab_size`."""

    @abc.abstractmethod
    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Turn text into ids, without the start id. Shapes: text -> (n,)."""

    @abc.abstractmethod
    def decode(self, ids: npt.ArrayLike) -> str:
        """Turn one sequence of ids into text, skipping id 0. Shapes: (n,) -> text."""

    @abc.abstractmethod
    def pieces(self) -> list[bytes]:
        """Return the bytes of text that each id stands for; none for ids that are no text."""

    @abc.abstractmethod
    def _contents(self) -> dict[str, Any]:
        """Return what distinguishes this vocabulary from others of its kind, for JSON."""

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits that change with the kind, the members or their order."""
        described = json.dumps({'kind': self.kind, **self._contents()}, sort_keys=True)
        return hashlib.sha256(described.encode('ascii')).hexdigest()[:16]

    def to_json(self) -> dict[str, Any]:
        """Return a dictionary of plain values; `vocabulary_from_json` reads it."""
        return {'kind': self.kind, **self._contents(), 'fingerprint': self.fingerprint}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Vocabulary):
            return NotImplemented
        return self.fingerprint == other.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)


@dataclass(frozen=True, eq=False)
class ByteVocabulary(Vocabulary):
    """The 256 bytes of UTF-8: the id of a byte is its value. Any text, nothing unknown.

    >>> ByteVocabulary().encode('hé').tolist()
    [104, 195, 169]
    >>> ByteVocabulary().decode([0, 104, 195, 169])
    'hé'
    """

    kind: ClassVar[str] = 'bytes'

    @property
    def size(self) -> int:
        """The number of byte values, 256."""
        return 256

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Return the UTF-8 bytes of the text. Shapes: text of b bytes -> (b,).

        Raises:
            ValueError: the text holds a NUL character, whose byte is the start id.
        """
        if (position := text.find('\0')) >= 0:
            raise ValueError(
                f'ByteVocabulary cannot encode the NUL character at position {position}: its byte '
                'is 0, the id that starts and pads sequences, and decode skips it. '
                "Remove it first: text.replace('\\0', '')."
            )
        return np.frombuffer(text.encode('utf-8'), np.uint8).astype(np.int32)

    def decode(self, ids: npt.ArrayLike) -> str:
        """Join the bytes, without id 0. A broken UTF-8 sequence becomes U+FFFD: a model that is
        cut off or still learning writes them. Shapes: (b,) -> text.

        Raises:
            ValueError: an id is not in 0..255.
        """
        kept = one_sequence(ids, self.size, 'ByteVocabulary.decode')
        return kept.astype(np.uint8).tobytes().decode('utf-8', errors='replace')

    def pieces(self) -> list[bytes]:
        """Return the byte of each id."""
        return [b'', *(bytes([i]) for i in range(1, self.size))]

    def _contents(self) -> dict[str, Any]:
        return {}


@dataclass(frozen=True, eq=False)
class CharVocabulary(Vocabulary):
    """The characters of a text in code-point order: id 0 start, 1 unknown, then the characters.

    >>> vocabulary = CharVocabulary.fit('abracadabra')
    >>> vocabulary
    CharVocabulary(characters='abcdr')
    >>> vocabulary.encode('bad!').tolist()
    [3, 2, 5, 1]
    """

    characters: str
    kind: ClassVar[str] = 'characters'

    def __post_init__(self) -> None:
        if not self.characters or self.characters != ''.join(sorted(set(self.characters))):
            raise ValueError(
                f'CharVocabulary got characters={self.characters[:40]!r}; expected at least one, '
                'each once, in code-point order. CharVocabulary.fit(text) makes it from a text.'
            )

    @classmethod
    def fit(cls, text: str) -> 'CharVocabulary':
        """Make the vocabulary of all characters in the text. Their counts do not matter.

        Raises:
            ValueError: the text is empty.
        """
        if not text:
            raise ValueError('CharVocabulary.fit got an empty text: it has no characters.')
        return cls(''.join(sorted(set(text))))

    @property
    def size(self) -> int:
        """The number of characters and two: start and unknown."""
        return len(self.characters) + 2

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Return one id per character, 1 for characters not seen by `fit`. Shapes: text -> (n,)."""
        known, wanted = _code_points(self.characters), _code_points(text)
        places = np.searchsorted(known, wanted).clip(max=len(known) - 1)
        ids = np.where(known[places] == wanted, places + _UNKNOWN_ID + 1, _UNKNOWN_ID)
        return ids.astype(np.int32)

    def decode(self, ids: npt.ArrayLike) -> str:
        """Join the characters, without id 0; the unknown one becomes U+FFFD. Shapes: (n,) -> text.

        Raises:
            ValueError: an id is not in 0..size-1.
        """
        table = '\0' + _REPLACEMENT + self.characters
        return ''.join(table[i] for i in one_sequence(ids, self.size, 'CharVocabulary.decode'))

    def pieces(self) -> list[bytes]:
        """Return the UTF-8 bytes of each id's character.

        >>> CharVocabulary('aé').pieces()
        [b'', b'', b'a', b'\\xc3\\xa9']
        """
        return [b'', b'', *(c.encode('utf-8', 'surrogatepass') for c in self.characters)]

    def _contents(self) -> dict[str, Any]:
        return {'characters': self.characters}


def one_sequence(ids: npt.ArrayLike, size: int, what: str) -> npt.NDArray[np.int32]:
    """Check the ids of one sequence and drop the start ids. Shapes: (n,) -> (at most n,)."""
    checked = check_ids(ids, size, what)
    if checked.ndim != 1:
        raise ValueError(
            f'{what} takes one sequence, of shape (n,); got shape {checked.shape}. '
            'Decode a batch row by row: [vocabulary.decode(row) for row in ids].'
        )
    return checked[checked != START_ID]


def _code_points(text: str) -> npt.NDArray[np.uint32]:
    # surrogatepass: a lone surrogate is a bad character, not a reason to stop.
    return np.frombuffer(text.encode('utf-32-le', 'surrogatepass'), np.dtype('<u4'))
