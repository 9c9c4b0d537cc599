"""Learning a language from documents: no state goes from one to the next."""

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from .. import data as corpora
from ..combinators import Fn, Serial, ShapeDtype
from .evaluate import evaluate
from .language_task import LanguageTask
from .protocols import documents_in_streams, packed_documents
from .task import Material


class DocumentTask(LanguageTask):
    """Predicts each next token of documents in streams, whose state begins anew with each.

    A document that lies across the edge of two streams is cut there.
    """

    name = 'documents'
    protocol = 'documents'
    n_in = 2
    inputs_in_words = (
        'ids and resets, which say where documents begin, (batch, time) each, as '
        'Serial(ShiftRight(), Embedding(...), Recurrent(GRUCell(...), resets=True), ...) takes them'
    )

    def inputs(self, sizes):
        """Returns the signatures of ids and resets."""
        shape = sizes.batch_size, sizes.window
        return ShapeDtype(shape, np.int32), ShapeDtype(shape, np.float32)

    def load(self, source):
        """Reads a text; each file of a folder, and each JSON line, is a document."""
        if corpora.TokenFile.is_at(source):
            return super(LanguageTask, self).load(source)
        return corpora.load(source, documents=True)

    def split(self, corpus):
        training, heldout = corpora.split_rows(corpora.documents_of(corpus.text), 'documents')
        end = corpora.DOCUMENT_END
        return f'{end.join(training)}{end}', f'{end.join(heldout)}{end}'

    def material(self, corpus, fit, sizes, seed):
        texts = self.split(corpus)
        training, heldout = (corpora.documents_of(text) for text in texts)
        made = fit(''.join(training))
        ids, held = ([made.encode(text) for text in each] for each in (training, heldout))
        rows = max(1, min(sizes.batch_size, sum(map(len, held)) // 2))
        return Material(
            corpus,
            made,
            ''.join(training),
            ''.join(heldout),
            self.cut(ids, sizes.batch_size, sizes.window, seed),
            self.cut(held, rows, sizes.window),
            sum(map(len, ids)),
        )

    def cut(
        self, documents: Sequence[np.ndarray], batch_size: int, window: int, seed: int | None = None
    ) -> Any:
        """Returns batches of documents; where they have an order, a seed makes a new one."""
        return documents_in_streams(documents, batch_size, window)

    def blank(self, sizes):
        ids = np.ones(sizes.window, np.int32)
        return self.cut([ids] * sizes.batch_size, sizes.batch_size, sizes.window)

    def evaluate(self, model, material):
        return evaluate(model, material.heldout, len(material.heldout_text))

    def reader(self, model):
        """Returns the model as one of ids alone, which reads one document."""
        no_resets = Fn('NoResets', lambda ids: (ids, jnp.zeros(ids.shape, jnp.float32)), n_out=2)
        view = Serial(no_resets, model).as_mode('eval')  # a view keeps the weights that are there
        view.init(ShapeDtype((1, 1), np.int32))
        return view


class PackedTask(DocumentTask):
    """The same in rows that hold several documents; longer ones are cut into pieces of a row."""

    name = 'packed'
    protocol = 'packed'

    def cut(self, documents, batch_size, window, seed=None):
        return packed_documents(documents, batch_size, window, seed)
