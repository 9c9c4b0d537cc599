"""Batches of rows of about one length: less padding than with one length for all."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .epochs import Epochs, order_of
from .padding import padded
from .row_batches import RowBatch


class BucketBatches(Epochs[RowBatch]):
    """Rows of ids with targets, sorted into buckets by length; each batch is from one bucket.

    A batch is as wide as its bucket, so a model is compiled once per bucket. The last batch of each
    bucket is filled with rows of weight 0.

    >>> rows = [np.array([5, 6]), np.array([7]), np.array([8, 9, 10])]
    >>> batches = BucketBatches(rows, [0, 1, 1], boundaries=[2, 4], batch_sizes=[2, 1])
    >>> [(batch.tokens.tolist(), batch.targets.tolist()) for batch in batches]
    [([[5, 6], [7, 0]], [0, 1]), ([[8, 9, 10, 0]], [1])]

    Args:
      rows: ids (n_i,) of each row, from 1 up.
      targets: for each row one int, or ids (m_i,): tags of its ids, or another text, such as a
        translation. The length of a row is that of the longer one.
      boundaries: the longest length of each bucket, increasing.
      batch_sizes: rows per batch of each bucket.
      seed: of the order of rows and batches, a new one each epoch; None keeps the order of rows.

    Raises:
      ValueError: there are no rows, or not as many targets; a row is longer than all buckets;
        boundaries that do not increase, or not as many batch sizes.
    """

    def __init__(
        self,
        rows: Sequence[npt.NDArray[np.int32]],
        targets: Sequence[npt.ArrayLike],
        boundaries: Sequence[int],
        batch_sizes: Sequence[int],
        seed: int | None = None,
    ) -> None:
        if not rows or len(rows) != len(targets):
            raise ValueError(
                f'BucketBatches: expected rows and as many targets, got {len(rows)} and '
                f'{len(targets)}'
            )
        _check_buckets(boundaries, batch_sizes)
        self._rows, self._targets = rows, [np.asarray(target, np.int32) for target in targets]
        self._boundaries, self._sizes, self._seed = boundaries, batch_sizes, seed
        lengths = [max(len(r), t.size) for r, t in zip(rows, self._targets, strict=True)]
        if max(lengths) > boundaries[-1]:
            raise ValueError(
                f'BucketBatches: row {int(np.argmax(lengths))} has length {max(lengths)}, the last '
                f'boundary is {boundaries[-1]}. Give a higher one, or leave such rows out.'
            )
        self._buckets = np.searchsorted(boundaries, lengths)  # (n,)
        counts = np.bincount(self._buckets, minlength=len(boundaries))
        self._len = int(sum(-(-counts // np.asarray(batch_sizes))))
        self.n_tokens = sum(map(len, rows))
        self._plan: tuple[int, list[tuple[int, npt.NDArray[np.intp]]]] | None = None

    def __len__(self) -> int:
        return self._len

    def _batch(self, epoch: int, place: int) -> RowBatch:
        if self._plan is None or self._plan[0] != epoch:
            self._plan = epoch, self._planned(epoch)
        bucket, chosen = self._plan[1][place]
        shape = self._sizes[bucket], self._boundaries[bucket]
        tokens = padded([self._rows[i] for i in chosen], shape)
        targets = [self._targets[i] for i in chosen]
        if targets[0].ndim:
            weights = padded([np.ones(t.size) for t in targets], shape)
            return RowBatch(tokens, padded(targets, shape), weights.astype(np.float32))
        weights = np.arange(shape[0]) < len(chosen)
        labels = np.zeros(shape[0], np.int32)
        labels[: len(chosen)] = targets
        return RowBatch(tokens, labels, weights.astype(np.float32))

    def _planned(self, epoch):
        """Returns the bucket and the rows of each batch of an epoch."""
        order = order_of(len(self._rows), self._seed, epoch)
        plan = []
        for bucket, size in enumerate(self._sizes):
            members = order[self._buckets[order] == bucket]
            plan += [(bucket, members[i : i + size]) for i in range(0, len(members), size)]
        if self._seed is None:
            return plan
        return [plan[i] for i in order_of(len(plan), self._seed + 1, epoch)]


def _check_buckets(boundaries, batch_sizes):
    increasing = all(a < b for a, b in zip([0, *boundaries], boundaries, strict=False))
    if not boundaries or not increasing or len(boundaries) != len(batch_sizes):
        raise ValueError(
            'BucketBatches: expected boundaries that increase from 1 or more, and a batch size for '
            f'each, got boundaries={[*boundaries]}, batch_sizes={[*batch_sizes]}'
        )
    if min(batch_sizes) < 1:
        raise ValueError(f'BucketBatches: expected batch sizes from 1 up, got {[*batch_sizes]}')
