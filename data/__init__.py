"""Text and batches: corpora and labelled rows, vocabularies, contiguous streams, baselines.

Plain NumPy and the standard library. This folder knows no model, no device and no config: it hands
out integer arrays, and what is done with them is decided elsewhere.
"""

from . import stages
from .agreement import agreement
from .batches import Batch, ContiguousBatches, StoredTokens
from .bpe import BpeVocabulary
from .bucket_batches import BucketBatches
from .byte_text import MissingLibraryError
from .corpus import Corpus, Span, load, python_docs, read_text, spans, split
from .documents import DOCUMENT_END, documents_of
from .epochs import Epochs
from .files import files_of, read_jsonl, read_lines
from .ids import START_ID, check_ids
from .labelled import Row, format_rows, labels_of, parse_rows, split_rows
from .made_pairs import MADE_PAIRS, Pairs, pairs_text
from .naive_bayes import NaiveBayes
from .packed_batches import PackedBatches
from .padding import padded
from .pair_batches import PairBatch, PairBatches, end_id, target_ids, text_of
from .pairs import END, Pair, format_pairs, parse_pairs, read_pairs
from .passes import Passes
from .pictures import pictures
from .python_source import python_source
from .row_batches import RowBatch, RowBatches
from .subword import SubwordVocabulary
from .tag_counts import TagCounts
from .token_corpus import TokenCorpus
from .token_file import TokenFile
from .unigram import UnigramVocabulary
from .vocabularies import VOCABULARIES, fit_vocabulary, vocabulary_from_json
from .vocabulary import ByteVocabulary, CharVocabulary, Vocabulary
from .witten_bell import WittenBell

__all__ = [
    'DOCUMENT_END',
    'END',
    'MADE_PAIRS',
    'START_ID',
    'VOCABULARIES',
    'Batch',
    'BpeVocabulary',
    'BucketBatches',
    'ByteVocabulary',
    'CharVocabulary',
    'ContiguousBatches',
    'Corpus',
    'Epochs',
    'MissingLibraryError',
    'NaiveBayes',
    'PackedBatches',
    'Pair',
    'PairBatch',
    'PairBatches',
    'Pairs',
    'Passes',
    'Row',
    'RowBatch',
    'RowBatches',
    'Span',
    'StoredTokens',
    'SubwordVocabulary',
    'TagCounts',
    'TokenCorpus',
    'TokenFile',
    'UnigramVocabulary',
    'Vocabulary',
    'WittenBell',
    'agreement',
    'check_ids',
    'documents_of',
    'end_id',
    'files_of',
    'fit_vocabulary',
    'format_pairs',
    'format_rows',
    'labels_of',
    'load',
    'padded',
    'pairs_text',
    'parse_pairs',
    'parse_rows',
    'pictures',
    'python_docs',
    'python_source',
    'read_jsonl',
    'read_lines',
    'read_pairs',
    'read_text',
    'spans',
    'split',
    'split_rows',
    'stages',
    'target_ids',
    'text_of',
    'vocabulary_from_json',
]
