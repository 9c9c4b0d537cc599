"""The check that a carried state meets the row that it belongs to."""

import numpy as np

from ..data import START_ID
from .examples import Example


class Continuity:
    """Sees the batches of a walk, and that each row goes on where the same row ended before.

    A row may begin elsewhere where the whole batch is fresh, and where a document has ended: its
    last id was the start id, which ShiftRight gives to the next step, and that step is reset.
    Batches that do not say where their rows begin are not checked.
    """

    def __init__(self):
        self._expected: np.ndarray | None = None  # (batch,)
        self._last = np.zeros(0)  # (batch,), ids

    def check(self, example: Example) -> None:
        """Takes note of a batch.

        Raises:
          ValueError: a row does not continue the row before it; names the row and both places.
        """
        if example.starts is None:
            return
        tokens, resets = example.inputs, np.zeros(1)
        if isinstance(tokens, tuple):
            tokens, resets = tokens[0], np.asarray(tokens[1])[:, 0]
        starts, expected, last = np.asarray(example.starts), self._expected, self._last
        self._expected, self._last = starts + np.shape(tokens)[1], np.asarray(tokens)[:, -1]
        if expected is None or example.fresh:
            return
        wrong = (starts != expected) & ~((last == START_ID) & (resets > 0))
        if wrong.any():
            row = int(np.argmax(wrong))
            raise ValueError(
                f'row {row} of this batch begins at token {starts[row]} of its text, but the state '
                f'that is carried to it is that after token {expected[row] - 1}: it would leak '
                'from one place to another. Give batches in the order of retrax.data.'
                'ContiguousBatches, with fresh=True where all rows begin anew; where one does, end '
                'its text with the id 0 and reset its next step.'
            )
