"""Byte-pair encoding, learned with the library tokenizers."""

import functools
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from . import byte_text
from .ids import START_ID
from .learned_vocabulary import LearnedVocabulary, check_size


@dataclass(frozen=True, eq=False, repr=False)
class BpeVocabulary(LearnedVocabulary):
    """Byte pairs: ids 1 to 256 are the bytes, and each merge makes an id of two that are there.

    Source: Sennrich et al. 2016, Neural Machine Translation of Rare Words with Subword Units (arXiv
    1508.07909), section 3.2, over bytes; pieces do not cross from one word to the next.
    """

    merges: tuple[str, ...]  # two pieces each, with a space between, their bytes as characters
    kind: ClassVar[str] = 'bpe'

    @classmethod
    def fit(cls, text: str, size: int) -> 'BpeVocabulary':
        """Learn `size` ids, or fewer where the text has no more pairs.

        Raises:
            ValueError: size is below 257.
            ImportError: the library tokenizers is not installed.
        """
        check_size(size)
        library = byte_text.library('tokenizers', 'BpeVocabulary')
        learning = library.Tokenizer(library.models.BPE())
        learning.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        trainer = library.trainers.BpeTrainer(
            vocab_size=size - 1, initial_alphabet=[*byte_text.ALPHABET], show_progress=False
        )
        learning.train_from_iterator(text.splitlines(keepends=True), trainer)
        merges = json.loads(learning.to_str())['model']['merges']
        return cls(tuple(m if isinstance(m, str) else ' '.join(m) for m in merges))

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """Merge pairs in the order in which they were learned. Shapes: text -> (n,)."""
        lines = self._encoder.encode_batch_fast(text.splitlines(keepends=True))
        return np.array([i for line in lines for i in line.ids], np.int32)

    @functools.cached_property
    def _tokens(self) -> list[str]:
        merged = (merge.replace(' ', '') for merge in self.merges)
        return list(dict.fromkeys([*byte_text.ALPHABET, *merged]))

    def _learned(self) -> Iterable[bytes]:
        return map(byte_text.read, self._tokens)

    @functools.cached_property
    def _encoder(self) -> Any:
        library = byte_text.library('tokenizers', 'BpeVocabulary')
        ids = {token: i for i, token in enumerate(self._tokens, START_ID + 1)}
        merges = [tuple(merge.split(' ')) for merge in self.merges]
        made = library.Tokenizer(library.models.BPE(ids, merges))
        made.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        return made

    def _contents(self) -> dict[str, Any]:
        return {'merges': list(self.merges)}

    def __repr__(self) -> str:
        return f'BpeVocabulary({len(self.merges)} merges)'
