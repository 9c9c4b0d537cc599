"""How a text is cut up to be evaluated; a figure means something only beside its protocol.

carried   contiguous streams: state goes on from window to window, so a token is predicted from all
          of its stream before it
windows   independent windows: each starts from the initial state, so a token is predicted from
          what is before it in its window
documents carried state that begins anew with each document: from all of its document before it
packed    rows that hold several documents: from what is before it in its document and row

The last two are for models that take resets beside ids, see `data.documents_of`.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..data import START_ID, Batch, ContiguousBatches, PackedBatches, Vocabulary, documents_of
from .evaluate import Evaluation, evaluate

PROTOCOLS = ('carried', 'windows', 'documents', 'packed')


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
      protocol: one of PROTOCOLS.
      batch_size: how many streams, or how many windows at once (no figure depends on the latter).
      window: how many tokens are computed at once, or are one window.

    Raises:
      ValueError: the text is empty, or too short for one stream; an unknown protocol.
    """
    if protocol not in PROTOCOLS:
        raise ValueError(f'protocol: expected one of {PROTOCOLS}, got {protocol!r}')
    documents = documents_of(text) if protocol in _OF_DOCUMENTS else [text]
    parts = [vocabulary.encode(document) for document in documents]
    ids = np.concatenate([[], *parts]).astype(np.int32)
    if len(ids) < 2:
        raise ValueError(f'a text of {len(ids)} tokens is too short to be evaluated')
    n_unknown = round(vocabulary.kind == 'characters' and np.count_nonzero(ids == 1))
    if protocol == 'windows':
        words = f'independent windows of {window} tokens, each from the initial state'
        return Scored(
            evaluate(model, Windows(ids, batch_size, window), len(text)), words, n_unknown
        )
    rows = max(1, min(batch_size, len(ids) // 2))
    if protocol in _OF_DOCUMENTS:
        cut, words = _OF_DOCUMENTS[protocol]
        found = evaluate(model, cut(parts, rows, window), sum(map(len, documents)))
        return Scored(found, f'{len(documents):,} documents, {words}', n_unknown)
    words = f'carried state over {rows} contiguous streams, {window} tokens at a time'
    batches = ContiguousBatches(ids, rows, window)
    return Scored(evaluate(model, batches, len(text)), words, n_unknown)


def documents_in_streams(
    documents: Sequence[np.ndarray], batch_size: int, window: int
) -> ContiguousBatches:
    """Returns the ids of documents, one behind the other, in streams with resets between them."""
    ids = np.concatenate([np.append(document, START_ID) for document in documents])
    return ContiguousBatches(ids.astype(np.int32), batch_size, window, documents=True)


def packed_documents(
    documents: Sequence[np.ndarray], batch_size: int, window: int, seed: int | None = None
) -> PackedBatches:
    """Returns the ids of documents, or pieces of longer ones, several in a row with resets."""
    pieces = [ids[i : i + window] for ids in documents for i in range(0, len(ids), window)]
    return PackedBatches(pieces, batch_size, window, seed)


_OF_DOCUMENTS = {
    'documents': (documents_in_streams, 'each from the initial state, in contiguous streams'),
    'packed': (packed_documents, 'each from the initial state, several in a row'),
}
