"""Several short texts in one row: hardly any padding, and no text hears of another.

    row   5 6 7 . 8 9 . 4        a dot is the start id between texts, with weight 0
    reset 1 0 0 0 1 0 0 1        before these steps the state is the initial one again

ShiftRight hears the start id before the first token of each text, as at the beginning of a row. So
a model of ShiftRight and layers that take resets gives each text what it would give it alone.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .batches import Batch
from .epochs import Epochs, order_of
from .ids import START_ID


class PackedBatches(Epochs[Batch]):
    """Texts of ids, packed into rows of one length; no row goes on in the next batch.

    Texts go, in their order, into the first row that has room for them. A text longer than a row is
    cut off.

    >>> texts = [np.array([5, 6, 7]), np.array([8, 9]), np.array([4])]
    >>> (batch,) = PackedBatches(texts, batch_size=1, window=8)
    >>> batch.tokens.tolist(), batch.resets.tolist()
    ([[5, 6, 7, 0, 8, 9, 0, 4]], [[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0]])

    Args:
      texts: ids (n_i,) of each, from 1 up.
      batch_size: rows per batch; rows of weight 0 fill the last one.
      window: ids per row.
      seed: of the order of rows, a new one each epoch; None keeps it.

    Raises:
      ValueError: there are no texts, an empty one, or sizes below 1.
    """

    def __init__(
        self,
        texts: Sequence[npt.NDArray[np.int32]],
        batch_size: int,
        window: int,
        seed: int | None = None,
    ) -> None:
        if batch_size < 1 or window < 1:
            raise ValueError(
                f'PackedBatches got batch_size={batch_size}, window={window}; both must be at '
                'least 1.'
            )
        if not texts or not all(map(len, texts)):
            what = 'an empty one' if texts else 'none'
            raise ValueError(f'PackedBatches: expected texts of at least one id, got {what}')
        self.batch_size, self.window, self._seed = batch_size, window, seed
        self.n_cut = sum(len(text) > window for text in texts)
        cut = [text[:window] for text in texts]
        self.n_tokens = sum(map(len, cut))
        self._rows = [[cut[i] for i in row] for row in _first_fit(list(map(len, cut)), window)]

    def __len__(self) -> int:
        return -(-len(self._rows) // self.batch_size)

    def _batch(self, epoch: int, place: int) -> Batch:
        order = order_of(len(self._rows), self._seed, epoch)
        tokens = np.full((self.batch_size, self.window), START_ID, np.int32)
        weights, resets = np.zeros(tokens.shape, np.float32), np.zeros(tokens.shape, np.float32)
        chosen = order[place * self.batch_size : (place + 1) * self.batch_size]
        for row, number in enumerate(chosen):
            at = 0
            for text in self._rows[number]:
                tokens[row, at : at + len(text)] = text
                weights[row, at : at + len(text)] = 1
                resets[row, at] = 1
                at += len(text) + 1
        return Batch(tokens, weights, False, None, resets)


_LOOKED_AT = 256  # rows with room, so that a million texts take no longer than they must


def _first_fit(lengths: Sequence[int], window: int) -> list[list[int]]:
    """Returns which texts share a row; one that has found no room for long is left as it is.

    >>> _first_fit([3, 4, 1, 2], 6)
    [[0, 2], [1], [3]]
    """
    rows: list[list[int]] = []
    open_rows: list[tuple[int, int]] = []  # (row, how much room), the newest last
    for text, length in enumerate(lengths):
        for i, (row, left) in enumerate(open_rows):
            if length <= left:
                rows[row].append(text)
                open_rows[i] = row, left - length - 1
                break
        else:
            rows.append([text])
            open_rows.append((len(rows) - 1, window - length - 1))
        open_rows = [entry for entry in open_rows if entry[1] > 0][-_LOOKED_AT:]
    return rows
