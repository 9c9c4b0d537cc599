"""Batches of pairs: what a model of two texts reads, and what it learns to write."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .epochs import Epochs, order_of
from .padding import padded
from .pairs import END, Pair
from .vocabulary import Vocabulary


class PairBatch(NamedTuple):
    """Some pairs: the two inputs of a model, and how much each token of a target counts."""

    source: npt.NDArray[np.int32]  # (batch_size, source_length), padded on the right with 0
    target: npt.NDArray[np.int32]  # (batch_size, target_length), the end behind each, then 0
    weights: npt.NDArray[np.float32]  # (batch_size, target_length): 0 for padding


class PairBatches(Epochs[PairBatch]):
    """Pairs of texts in batches of one shape. Those that are longer are left out.

    The last batch of an epoch is filled with pairs of weight 0.

    >>> from retrax.data import CharVocabulary
    >>> pairs = [Pair('ab', 'c'), Pair('a', 'bc'), Pair('abcd', 'e')]
    >>> batches = PairBatches(pairs, CharVocabulary.fit('abcde\\n'), 2, 3, 3)
    >>> batches[0].source.tolist(), batches[0].target.tolist()
    ([[3, 4, 0], [3, 0, 0]], [[5, 2, 0], [4, 5, 2]])
    >>> batches.n_left_out
    1

    Args:
      pairs: the texts.
      vocabulary: of both sides.
      batch_size: pairs per batch.
      source_length: ids of a source, at most.
      target_length: ids of a target, at most, the one of its end among them.
      seed: of the order, a new one each epoch; None keeps that of the pairs.

    Attributes:
      pairs: those that are not left out.

    Raises:
      ValueError: there are no pairs, or all are longer.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        vocabulary: Vocabulary,
        batch_size: int,
        source_length: int,
        target_length: int,
        seed: int | None = None,
    ) -> None:
        if not pairs:
            raise ValueError('PairBatches: expected pairs of texts, got none')
        self.batch_size, self._seed = batch_size, seed
        sources = [vocabulary.encode(pair.source) for pair in pairs]
        targets = [target_ids(vocabulary, pair.target) for pair in pairs]
        longest = max(map(len, sources)), max(map(len, targets))
        fits = [
            len(source) <= source_length and len(target) <= target_length
            for source, target in zip(sources, targets, strict=True)
        ]
        self.pairs = [pair for pair, does in zip(pairs, fits, strict=True) if does]
        self.n_left_out = len(pairs) - len(self.pairs)
        if not self.pairs:
            raise ValueError(
                f'all pairs are longer than {source_length} tokens of a source and '
                f'{target_length} of a target, its end among them; the longest have {longest[0]} '
                f'and {longest[1]}'
            )
        kept = [i for i, does in enumerate(fits) if does]
        self._sources = padded([sources[i] for i in kept], (len(kept), source_length))
        self._targets = padded([targets[i] for i in kept], (len(kept), target_length))
        self.n_tokens = int(np.count_nonzero(self._targets))

    def __len__(self) -> int:
        return -(-len(self.pairs) // self.batch_size)

    def _batch(self, epoch: int, place: int) -> PairBatch:
        order = order_of(len(self.pairs), self._seed, epoch)
        chosen = order[place * self.batch_size : (place + 1) * self.batch_size]
        rows = np.resize(chosen, self.batch_size)  # repeated, so that no source is all padding
        weights = (self._targets[rows] != 0).astype(np.float32)
        weights[len(chosen) :] = 0
        return PairBatch(self._sources[rows], self._targets[rows], weights)


def end_id(vocabulary: Vocabulary) -> int:
    """Returns the id with which a target ends.

    Raises:
      ValueError: the vocabulary cannot write the end as one id.
    """
    ids = vocabulary.encode(END)
    if len(ids) != 1 or vocabulary.decode(ids) != END:
        raise ValueError(
            f'a target ends with a line break, which must be one id; {vocabulary!r:.80} writes it '
            f'as {ids.tolist()}'
        )
    return int(ids[0])


def target_ids(vocabulary: Vocabulary, target: str) -> npt.NDArray[np.int32]:
    """Returns the ids of a target and the one of its end."""
    return np.append(vocabulary.encode(target), np.int32(end_id(vocabulary)))


def text_of(vocabulary: Vocabulary, ids: npt.NDArray[np.integer]) -> str:
    """Returns the text of ids up to the end; all of it where there is none.

    >>> from retrax.data import CharVocabulary
    >>> text_of(CharVocabulary.fit('ab\\n'), np.array([3, 4, 2, 3]))
    'ab'
    """
    ends = np.flatnonzero(ids == end_id(vocabulary))
    return vocabulary.decode(ids[: ends[0]] if len(ends) else ids)
