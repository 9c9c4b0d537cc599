"""Learning a language: each next token of a text, with state carried along it."""

import math
from typing import Any

import numpy as np

from .. import data as corpora
from .evaluate import evaluate
from .results import TextResult
from .task import Material, Task

BASELINE_ORDER = 3


class LanguageTask(Task):
    """Predicts each next token; judged in bits per held-out character."""

    name = 'language'
    figure = 'bits_per_character'
    lower_is_better = True
    outputs = '(batch, time, ids)'
    fix = 'A language model ends with Dense(vocab_size) and LogSoftmax().'
    size = 'vocab_size'
    unit = 'tokens'
    goes_on = True

    def targets(self, sizes):
        return sizes.batch_size, sizes.window

    def load(self, source):
        """Reads a corpus, a text or a file of tokens."""
        is_tokens = corpora.TokenFile.is_at(source)
        return corpora.TokenCorpus(source) if is_tokens else corpora.load(source)

    def split(self, corpus):
        if isinstance(corpus, corpora.TokenCorpus):
            return corpus.texts()
        return corpora.split(corpus.text)

    def material(self, corpus, fit, sizes, seed):
        training_text, heldout_text = self.split(corpus)
        if isinstance(corpus, corpora.TokenCorpus):
            made, ids, heldout = corpus.vocabulary, corpus.training, corpus.heldout
            n_tokens = len(made.encode(training_text))
        else:
            made = fit(training_text)
            ids, heldout = made.encode(training_text), made.encode(heldout_text)
            n_tokens = len(ids)
        rows = max(1, min(sizes.batch_size, len(heldout) // 2))
        return Material(
            corpus,
            made,
            training_text,
            heldout_text,
            self.training_batches(ids, sizes.batch_size, sizes.window),
            self.heldout_batches(heldout, rows, sizes.window),
            n_tokens,
        )

    def blank(self, sizes):
        ids = np.zeros(sizes.batch_size * (sizes.window + 1), np.int32)
        return self.training_batches(ids, sizes.batch_size, sizes.window)

    def training_batches(
        self, ids: np.ndarray | corpora.StoredTokens, batch_size: int, window: int
    ) -> corpora.ContiguousBatches:
        """Returns the batches of the training text."""
        return corpora.ContiguousBatches(ids, batch_size, window)

    def heldout_batches(self, ids: np.ndarray, batch_size: int, window: int) -> Any:
        """Returns the batches of the held-out text."""
        return corpora.ContiguousBatches(ids, batch_size, window)

    def evaluate(self, model, material):
        return evaluate(model, material.heldout, len(material.heldout_text))

    def figure_of(self, evaluation):
        return evaluation.bits_per_character

    def more_figures(self, evaluation, material):
        return {'bits_per_byte': evaluation.bits_per(len(material.heldout_text.encode()))}

    def in_words(self, evaluation):
        return f'{evaluation.bits_per_character:.3f} bits per character'

    def training_in_words(self, metrics, material):
        tokens_per_character = material.n_training_tokens / len(material.training_text)
        bits = metrics['loss'] / math.log(2) * tokens_per_character
        return f'loss {metrics["loss"]:.3f}  {bits:.3f} bits per character'

    def baselines(self, material):
        model = corpora.WittenBell.fit(material.training_text, BASELINE_ORDER)
        name = f'interpolated Witten-Bell, {BASELINE_ORDER} characters of context'
        return {name: model.bits_per_character(material.heldout_text)}

    def result(self, step, figures, baselines):
        ((baseline, bits),) = baselines.items()
        return TextResult(step, figures['heldout_bits_per_character'], bits, baseline)
