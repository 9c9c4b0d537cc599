"""Text and batches: corpora, their split, vocabularies, contiguous streams, a baseline in bits.

Plain NumPy and the standard library. This folder knows no model, no device and no config: it hands
out integer arrays, and what is done with them is decided elsewhere.
"""

from .batches import Batch, ContiguousBatches
from .corpus import Corpus, Span, load, python_docs, read_text, spans, split
from .ids import START_ID, check_ids
from .vocabulary import ByteVocabulary, CharVocabulary, Vocabulary, vocabulary_from_json
from .witten_bell import WittenBell

__all__ = [
    'START_ID',
    'Batch',
    'ByteVocabulary',
    'CharVocabulary',
    'ContiguousBatches',
    'Corpus',
    'Span',
    'Vocabulary',
    'WittenBell',
    'check_ids',
    'load',
    'python_docs',
    'read_text',
    'spans',
    'split',
    'vocabulary_from_json',
]
