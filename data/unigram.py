"""Unigram pieces, learned with the library sentencepiece."""

import base64
import functools
import io
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from . import byte_text
from .ids import START_ID
from .learned_vocabulary import LearnedVocabulary, check_size

_ALL_BYTES = [character.replace('Ġ', 'a b') for character in byte_text.ALPHABET]
_SPACE = '\N{LOWER ONE EIGHTH BLOCK}'  # what sentencepiece calls a space, where it divides words


@dataclass(frozen=True, eq=False, repr=False)
class UnigramVocabulary(LearnedVocabulary):
    """Pieces with probabilities: a text becomes the most probable series of pieces.

    Source: Kudo 2018, Subword Regularization (arXiv 1804.10959), section 3.2, over bytes.
    """

    model: str  # of sentencepiece, in base64
    kind: ClassVar[str] = 'unigram'

    @classmethod
    def fit(cls, text: str, size: int) -> 'UnigramVocabulary':
        """Learn `size` ids, or fewer where the text has no more pieces.

        Raises:
            ValueError: size is below 257.
            ImportError: the library sentencepiece is not installed.
        """
        check_size(size)
        library, model = byte_text.library('sentencepiece', 'UnigramVocabulary'), io.BytesIO()
        library.SentencePieceTrainer.train(
            sentence_iterator=itertools.chain(_ALL_BYTES, map(_spaced, text.splitlines(True))),
            model_writer=model,
            model_type='unigram',
            vocab_size=size,
            hard_vocab_limit=False,
            character_coverage=1.0,  # of what is read: so all bytes are pieces
            normalization_rule_name='identity',
            add_dummy_prefix=False,
            remove_extra_whitespaces=False,
            max_sentence_length=1_000_000,
            num_threads=1,  # with several, sums differ in their last digits
            unk_id=START_ID,  # no byte is unknown
            bos_id=-1,
            eos_id=-1,
            pad_id=-1,
            minloglevel=2,
        )
        return cls(base64.b64encode(model.getvalue()).decode('ascii'))

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Return the most probable pieces. Shapes: text -> (n,)."""
        lines = self._encoder.encode([_spaced(line) for line in text.splitlines(keepends=True)])
        return np.array([i for line in lines for i in line], np.int32)

    def _learned(self) -> Iterable[bytes]:
        encoder = self._encoder
        found = (encoder.id_to_piece(i) for i in range(1, encoder.get_piece_size()))
        return (byte_text.read(piece.replace(_SPACE, 'Ġ')) for piece in found)

    @functools.cached_property
    def _encoder(self) -> Any:
        library = byte_text.library('sentencepiece', 'UnigramVocabulary')
        return library.SentencePieceProcessor(model_proto=base64.b64decode(self.model))

    def _contents(self) -> dict[str, Any]:
        return {'model': self.model}

    def __repr__(self) -> str:
        return f'UnigramVocabulary({self.size} ids)'


def _spaced(text):
    return byte_text.written(text).replace('Ġ', ' ')
