"""How a text is cut up to be evaluated; a figure means something only beside its protocol.

carried   contiguous streams: state goes on from window to window, so a token is predicted from all
          of its stream before it
windows   independent windows: each starts from the initial state, so a token is predicted from
          what is before it in its window
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from ..data import Batch, ContiguousBatches, Vocabulary
from .evaluate import Evaluation, evaluate

PROTOCOLS = ('carried', 'windows')


class Scored(NamedTuple):
    """A figure and what it means."""

    evaluation: Evaluation
    protocol: str  # in words
    n_unknown: int  # ids of characters that the vocabulary does not have


class Windows:
    """Windows of one sequence of ids, in batches; the last window is padded with weight 0.

    Args:
      ids: (n,), the whole text.
      batch_size: windows per batch.
      window: ids per window.
    """

    def __init__(self, ids: np.ndarray, batch_size: int, window: int):
        n_rows = -(-len(ids) // window)
        n_rows += -n_rows % batch_size
        self._tokens = np.zeros((n_rows, window), np.int32)
        self._weights = np.zeros((n_rows, window), np.float32)
        self._tokens.reshape(-1)[: len(ids)] = ids
        self._weights.reshape(-1)[: len(ids)] = 1
        self._batch_size = batch_size

    def __iter__(self) -> Iterator[Batch]:
        for row in range(0, len(self._tokens), self._batch_size):
            rows = slice(row, row + self._batch_size)
            yield Batch(self._tokens[rows], self._weights[rows], fresh=False)


def score(
    model: Any,
    vocabulary: Vocabulary,
    text: str,
    protocol: str = 'carried',
    batch_size: int = 32,
    window: int = 64,
) -> Scored:
    """Returns the loss of a model over a text, under a protocol.

    Args:
      model: has weights.
      vocabulary: what its ids mean.
      text: any text.
      protocol: 'carried' or 'windows'.
      batch_size: how many streams, or how many windows at once (no figure depends on the latter).
      window: how many tokens are computed at once, or are one window.

    Raises:
      ValueError: the text is empty, or too short for one stream; an unknown protocol.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f'protocol: expected one of {PROTOCOLS}, got {protocol!r}')
    ids = vocabulary.encode(text)
    if len(ids) < 2:
        raise ValueError(f'a text of {len(ids)} tokens is too short to be evaluated')
    n_unknown = round(vocabulary.kind == 'characters' and np.count_nonzero(ids == 1))
    if protocol == 'windows':
        words = f'independent windows of {window} tokens, each from the initial state'
        return Scored(
            evaluate(model, Windows(ids, batch_size, window), len(text)), words, n_unknown
        )
    rows = max(1, min(batch_size, len(ids) // 2))
    words = f'carried state over {rows} contiguous streams, {window} tokens at a time'
    batches = ContiguousBatches(ids, rows, window)
    return Scored(evaluate(model, batches, len(text)), words, n_unknown)
