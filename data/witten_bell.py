"""A character model by counting: the number that a trained network has to beat.

A loss in bits per character means little alone. This model needs no training run, has one choice
(the order) and is fitted in seconds, so it says what counting alone gets out of a text.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .vocabulary import CharVocabulary

_Ids = npt.NDArray[np.int64]


class _Level(NamedTuple):
    """What was seen after contexts of one length k. Grams are numbered in the order of `codes`."""

    codes: _Ids  # (n_grams,) sorted: number of the context * size + id of the next character
    counts: _Ids  # (n_grams,) how often the gram was seen
    totals: _Ids  # (n_contexts,) count(h)
    followers: _Ids  # (n_contexts,) N1+(h .), how many different characters came next


class WittenBell:
    """Interpolated Witten-Bell smoothing over characters.

        p(c | h) = (count(h c) + N1+(h .) p(c | h')) / (count(h) + N1+(h .))

    h is the context of the `order` characters before c, h' is h without its first character,
    count(h) counts h where a character follows, and N1+(h .) is how many different characters
    follow it. A context that was never seen gives p(c | h'). The recursion ends in the uniform
    distribution over the characters of the training text and one symbol for all others.
    The first characters of a text have the shorter contexts that there are.

    Source: Witten and Bell, 'The zero-frequency problem', IEEE Trans. Information Theory 37(4),
    1991 (their method C); the interpolated form is that of Chen and Goodman, 'An empirical study of
    smoothing techniques for language modeling', Computer Speech and Language 13, 1999, section 2.5.
    Others end in the unsmoothed one-character frequencies, which gives unknown ones no probability.

    >>> model = WittenBell.fit('abracadabra', order=2)
    >>> round(model.bits_per_character('abra'), 3)
    0.792
    """

    def __init__(self, vocabulary: CharVocabulary, levels: tuple[_Level, ...]) -> None:
        self.vocabulary = vocabulary
        self._levels = levels

    @property
    def order(self) -> int:
        """The number of characters of context: what was asked for, or less for a tiny text."""
        return len(self._levels) - 1

    @classmethod
    def fit(cls, text: str, order: int = 3) -> 'WittenBell':
        """Count the text, with `order` characters of context.

        Raises:
            ValueError: the text is empty or the order is negative.
        """
        if not text or order < 0:
            raise ValueError(
                f'WittenBell.fit got {len(text)} characters and order={order}; expected a text '
                'with at least one character and an order of at least 0.'
            )
        vocabulary = CharVocabulary.fit(text)
        ids = vocabulary.encode(text).astype(np.int64)
        grams, n_contexts = np.zeros_like(ids), 1  # level 0: the empty context, before each place
        levels: list[_Level] = []
        # No longer context than that was ever followed by a character.
        for _ in range(min(order, len(text) - 1) + 1):
            # grams[j] numbers the context before the j-th of the last len(grams) characters.
            codes = grams * vocabulary.size + ids[len(ids) - len(grams) :]
            seen, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
            levels.append(_level(seen, counts, n_contexts, vocabulary.size))
            # The gram that ends at one place is the context of the next; the last has no next.
            grams, n_contexts = places[:-1].astype(np.int64), len(seen)
        return cls(vocabulary, tuple(levels))

    def probabilities(self, text: str) -> npt.NDArray[np.float64]:
        """Return p of each character after the ones before it. Shapes: n characters -> (n,)."""
        ids = self.vocabulary.encode(text).astype(np.int64)
        # All ids but the start id, which no text contains: the characters and the unknown one.
        p = np.full(len(ids), 1 / (self.vocabulary.size - 1))
        contexts = np.zeros_like(ids)  # the number of the context of each place, -1 for none
        for level in self._levels:
            grams, counts = _find(level, contexts, ids, self.vocabulary.size)
            has_context = contexts >= 0
            totals = np.where(has_context, level.totals[contexts], 0)
            followers = np.where(has_context, level.followers[contexts], 0)
            mixed = (counts + followers * p) / np.maximum(totals + followers, 1)
            p = np.where(totals > 0, mixed, p)
            contexts = np.concatenate(([-1], grams))[: len(ids)]
        return p

    def bits_per_character(self, text: str) -> float:
        """Return the mean of -log2 p(c | h) over the text.

        Raises:
            ValueError: the text is empty.
        """
        if not text:
            raise ValueError('WittenBell.bits_per_character got an empty text: it has no mean.')
        return float(-np.log2(self.probabilities(text)).mean())


def _level(seen: _Ids, counts: _Ids, n_contexts: int, size: int) -> _Level:
    contexts = seen // size
    totals = np.zeros(n_contexts, np.int64)
    np.add.at(totals, contexts, counts)
    return _Level(seen, counts, totals, np.bincount(contexts, minlength=n_contexts))


def _find(level: _Level, contexts: _Ids, ids: _Ids, size: int) -> tuple[_Ids, _Ids]:
    """Return the number (-1: never seen) and the count of each place's gram. Shapes: (n,) each."""
    codes = contexts * size + ids  # negative where there is no context, so never found
    places = np.searchsorted(level.codes, codes).clip(max=len(level.codes) - 1)
    found = level.codes[places] == codes
    return np.where(found, places, -1), np.where(found, level.counts[places], 0)
