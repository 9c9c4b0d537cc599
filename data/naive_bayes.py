"""Naive Bayes over words: what counting alone gets out of a classification."""

import collections
import math
import re
from collections.abc import Iterable, Sequence

from .labelled import Row

_WORD = re.compile(r'\w+|[^\w\s]')


class NaiveBayes:
    """Multinomial naive Bayes with add-one smoothing over runs of n words.

        argmax_c  log p(c) + sum_w log((count(w, c) + 1) / (sum_v count(v, c) + |V|))

    w goes over the runs of n words of a text, lower-cased, signs counting as words; V is those of
    the training texts and one for all others.

    Source: McCallum and Nigam 1998, A Comparison of Event Models for Naive Bayes Text
    Classification, section 2.2; Manning, Raghavan and Schuetze 2008, section 13.2.

    >>> rows = [Row('yes', 'oh yes'), Row('yes', 'yes'), Row('no', 'no')]
    >>> NaiveBayes.fit(rows).classify('yes, I say')
    'yes'

    Args:
      counts: by class, how often each run of words stands in its texts.
      n_rows: by class, how many texts there are.
      n: how many words make a run.
    """

    def __init__(
        self,
        counts: dict[str, collections.Counter[tuple[str, ...]]],
        n_rows: dict[str, int],
        n: int = 1,
    ) -> None:
        self._counts, self._n = counts, n
        n_all = sum(n_rows.values())
        self._priors = {label: math.log(count / n_all) for label, count in n_rows.items()}
        n_known = len(set().union(*counts.values())) + 1
        self._totals = {label: found.total() + n_known for label, found in counts.items()}

    @classmethod
    def fit(cls, rows: Iterable[Row], n: int = 1) -> 'NaiveBayes':
        """Count the runs of n words of each class."""
        counts: dict[str, collections.Counter[tuple[str, ...]]] = {}
        n_rows: collections.Counter[str] = collections.Counter()
        for row in rows:
            counts.setdefault(row.label, collections.Counter()).update(_runs(row.text, n))
            n_rows[row.label] += 1
        return cls(counts, dict(n_rows), n)

    def classify(self, text: str) -> str:
        """Return the likeliest class; of equals the one that was seen first."""
        runs = _runs(text, self._n)

        def score(label):
            counts, total = self._counts[label], self._totals[label]
            found = sum(math.log((counts[run] + 1) / total) for run in runs)
            return self._priors[label] + found

        return max(self._counts, key=score)

    def accuracy(self, rows: Sequence[Row]) -> float:
        """Return the share of rows that are classified right."""
        return sum(self.classify(row.text) == row.label for row in rows) / len(rows)


def _runs(text: str, n: int) -> list[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
