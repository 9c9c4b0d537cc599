"""The commonest tag of a character in its place: what counting alone gets out of tagging."""

import collections
from collections.abc import Iterable, Iterator, Sequence

from .labelled import Row


class TagCounts:
    """Gives each character the tag that it had most often between the same neighbours.

    A neighbourhood that was never seen gives the commonest tag of all.

    >>> counts = TagCounts.fit([Row('aab', 'xxy'), Row('b', 'x')], reach=1)
    >>> counts.tag('xxy')
    'aab'

    Args:
      tags: by neighbourhood, the tag that it gives.
      otherwise: the tag of other neighbourhoods.
      reach: how many characters on either side count.
    """

    def __init__(self, tags: dict[str, str], otherwise: str, reach: int) -> None:
        self._tags, self._otherwise, self._reach = tags, otherwise, reach

    @classmethod
    def fit(cls, rows: Iterable[Row], reach: int = 0) -> 'TagCounts':
        """Count the tags of each neighbourhood."""
        counts: dict[str, collections.Counter[str]] = {}
        every: collections.Counter[str] = collections.Counter()
        for row in rows:
            every.update(row.label)
            for around, tag in zip(_neighbourhoods(row.text, reach), row.label, strict=True):
                counts.setdefault(around, collections.Counter())[tag] += 1
        tags = {around: found.most_common(1)[0][0] for around, found in counts.items()}
        return cls(tags, every.most_common(1)[0][0], reach)

    def tag(self, text: str) -> str:
        """Return a tag for each character."""
        around = _neighbourhoods(text, self._reach)
        return ''.join(self._tags.get(place, self._otherwise) for place in around)

    def accuracy(self, rows: Sequence[Row]) -> float:
        """Return the share of characters that are tagged right."""
        right = sum(
            a == b for row in rows for a, b in zip(self.tag(row.text), row.label, strict=True)
        )
        return right / sum(len(row.text) for row in rows)


def _neighbourhoods(text: str, reach: int) -> Iterator[str]:
    padded = '\n' * reach + text + '\n' * reach
    return (padded[i : i + 2 * reach + 1] for i in range(len(text)))
