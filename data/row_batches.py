"""Batches of rows that have nothing to do with each other: padded, and shuffled anew each epoch."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .epochs import Epochs, order_of
from .ids import START_ID


class RowBatch(NamedTuple):
    """Some rows; a row of weight 0 fills the last batch of an epoch."""

    tokens: npt.NDArray[np.int32]  # (batch_size, window), padded on the right with 0
    targets: npt.NDArray[np.int32]  # (batch_size,), or (batch_size, window) for tags
    weights: npt.NDArray[np.float32]  # as the targets: 0 for padding


class RowBatches(Epochs[RowBatch]):
    """Rows of ids and a target for each, or for each id, in batches of one shape.

    >>> rows = [np.array([5, 6]), np.array([7]), np.array([8, 9, 10])]
    >>> batches = RowBatches(rows, [0, 1, 1], batch_size=2, window=3)
    >>> [(batch.tokens.tolist(), batch.targets.tolist()) for batch in batches]
    [([[5, 6, 0], [7, 0, 0]], [0, 1]), ([[8, 9, 10], [0, 0, 0]], [1, 0])]
    >>> batches[1].weights.tolist()
    [1.0, 0.0]

    Args:
      rows: ids (n_i,) of each row, from 1 up; what is beyond the window is cut off.
      targets: one int per row, or for each row as many as it has ids.
      batch_size: rows per batch.
      window: ids per row.
      seed: of the order, a new one each epoch; None keeps the order of the rows.

    Raises:
      ValueError: there are no rows, or a row has another number of targets than ids.
    """

    def __init__(
        self,
        rows: Sequence[npt.NDArray[np.int32]],
        targets: Sequence[npt.ArrayLike],
        batch_size: int,
        window: int,
        seed: int | None = None,
    ) -> None:
        if not rows or len(rows) != len(targets):
            raise ValueError(
                f'RowBatches: expected rows and as many targets, got {len(rows)} and {len(targets)}'
            )
        self.batch_size, self.window, self.n_rows, self._seed = batch_size, window, len(rows), seed
        self.n_tokens = sum(map(len, rows))
        self.n_cut = sum(len(row) > window for row in rows)
        tagged = np.ndim(targets[0]) > 0
        shape = (len(rows) + 1, window)  # the last row is the one that fills batches
        self._tokens = np.full(shape, START_ID, np.int32)
        self._targets = np.zeros(shape if tagged else shape[:1], np.int32)
        self._weights = np.zeros(self._targets.shape, np.float32)
        for i, (row, target) in enumerate(zip(rows, targets, strict=True)):
            if tagged and np.shape(target) != row.shape:
                raise ValueError(
                    f'RowBatches: row {i} has {len(row)} ids and {np.size(target)} targets'
                )
            self._tokens[i, : len(row)] = row[:window]
            places = (i, slice(min(len(row), window))) if tagged else i
            self._targets[places] = np.asarray(target)[:window] if tagged else target
            self._weights[places] = 1

    def __len__(self) -> int:
        return -(-self.n_rows // self.batch_size)

    def _batch(self, epoch: int, place: int) -> RowBatch:
        order = order_of(self.n_rows, self._seed, epoch)
        chosen = order[place * self.batch_size : (place + 1) * self.batch_size]
        blank = np.full(self.batch_size - len(chosen), self.n_rows)
        chosen = np.concatenate([chosen, blank])
        return RowBatch(self._tokens[chosen], self._targets[chosen], self._weights[chosen])
