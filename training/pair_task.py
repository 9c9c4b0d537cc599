"""Learning to write: for each source of a text of pairs, its target."""

from typing import ClassVar

import numpy as np

from .. import data as corpora
from ..combinators import ShapeDtype
from ..decoding import generate
from ..layers import Accuracy, CrossEntropyLossWithLogSoftmax
from .evaluate import Evaluation, evaluate
from .results import PairResult
from .task import Material, Sizes, Task

N_WRITTEN = 200  # held-out pairs whose targets are written, at each evaluation
N_SHOWN = 3
BASELINE_ORDER = 3


class PairTask(Task):
    """Predicts each next token of a target from its source and what stands before it.

    Judged by the perplexity of held-out targets, per token, and by the share of the first of them
    that greedy decoding writes right, as a whole.
    """

    name = 'pairs'
    figure = 'perplexity'
    lower_is_better = True
    outputs = '(batch, time, ids)'
    fix = (
        'A model of two texts gives scores and, below them, the target that a loss compares them '
        'with: it begins with Select([0, 1, 1]) and ends with Dense(vocab_size).'
    )
    size = 'vocabulary sizes, of sources and of targets,'
    unit = 'tokens'
    n_in = 2
    inputs_in_words = (
        'two texts, a source and a target, ids (batch, time) each, as LSTMSeq2SeqAttn and '
        'Transformer take them'
    )
    loss = CrossEntropyLossWithLogSoftmax()  # also of what are log-probabilities already
    metrics: ClassVar = {'accuracy': Accuracy()}

    def inputs(self, sizes):
        """Returns the signatures of the source and of the target."""
        batch, *lengths = sizes
        return tuple(ShapeDtype((batch, length), np.int32) for length in lengths)

    def targets(self, sizes):
        return sizes.batch_size, sizes.target_window

    def scores(self, outputs, sizes, model):
        scores, *below = outputs if isinstance(outputs, tuple) else (outputs,)
        targets = self.targets(sizes)
        if scores.shape[:-1] == targets and [each.shape for each in below] == [targets]:
            return scores
        raise ValueError(
            f'train.model: expected {self.asked(sizes)}, and the target {targets} below it, got '
            f'{outputs} from {model}. {self.fix}'
        )

    def split(self, corpus):
        training, heldout = corpora.split_rows(corpora.parse_pairs(corpus.text))
        return corpora.format_pairs(training), corpora.format_pairs(heldout)

    def material(self, corpus, fit, sizes, seed):
        training, heldout = corpora.split_rows(corpora.parse_pairs(corpus.text))
        made = fit(''.join(f'{pair.source}\n{pair.target}{corpora.END}' for pair in training))
        batches = corpora.PairBatches(training, made, *sizes, seed)
        return Material(
            corpus,
            made,
            corpora.format_pairs(training),
            corpora.format_pairs(heldout),
            batches,
            corpora.PairBatches(heldout, made, *sizes),
            batches.n_tokens,
        )

    def blank(self, sizes):
        return corpora.PairBatches([corpora.Pair('.', '.')], corpora.ByteVocabulary(), *sizes)

    def evaluate(self, model, material):
        return self.judged(model, material.heldout, material.vocabulary)

    def judged(
        self, model, batches: corpora.PairBatches, vocabulary: corpora.Vocabulary
    ) -> Evaluation:
        """Returns what a model is worth on pairs, `exact_match` among the metrics."""
        found = evaluate(model, batches, loss=self.loss, metrics=self.metrics)
        written = self.written(model, batches, vocabulary, N_WRITTEN)
        pairs = zip(written, batches.pairs, strict=False)
        share = np.mean([text == pair.target for text, pair in pairs])
        return found._replace(metrics={**found.metrics, 'exact_match': float(share)})

    def written(
        self, model, batches: corpora.PairBatches, vocabulary: corpora.Vocabulary, n: int
    ) -> list[str]:
        """Returns what greedy decoding writes for the first n sources, or all."""
        n = min(n, len(batches.pairs))
        parts = [batches[i] for i in range(-(-n // batches.batch_size))]
        end = corpora.end_id(vocabulary)
        made = [
            generate(model, None, part.target.shape[1], 0, source=part.source, eos_id=end)
            for part in parts
        ]
        rows = np.concatenate(made)
        return [corpora.text_of(vocabulary, row) for row in rows[:n]]

    def figure_of(self, evaluation):
        return evaluation.perplexity

    def more_figures(self, evaluation, material):
        return {'exact_match': evaluation.metrics['exact_match']}

    def in_words(self, evaluation):
        n_right = 100 * evaluation.metrics['exact_match']
        return f'perplexity {self.figure_of(evaluation):.4f} per token, {n_right:.2f}% right'

    def training_in_words(self, metrics, material):
        return f'loss {metrics["loss"]:.3f}  {100 * metrics["accuracy"]:.2f}% of tokens right'

    def baselines(self, material):
        """Returns the perplexity of what knows no source: a model of the targets alone."""
        known, heldout = (
            ''.join(f'{pair.target}{corpora.END}' for pair in batches.pairs)
            for batches in (material.training, material.heldout)
        )
        bits = corpora.WittenBell.fit(known, BASELINE_ORDER).bits_per_character(heldout)
        name = f'of targets alone, interpolated Witten-Bell, {BASELINE_ORDER} characters of context'
        return {name: 2 ** (bits * len(heldout) / material.heldout.n_tokens)}

    def result(self, step, figures, baselines):
        perplexity, share = (figures[f'heldout_{name}'] for name in ('perplexity', 'exact_match'))
        return PairResult(step, perplexity, share, baselines)

    def sizes_in_words(self, sizes: Sizes):
        return (
            f'{sizes.batch_size} pairs, {sizes.window} tokens of a source and '
            f'{sizes.target_window} of a target'
        )

    def sample(self, model, material):
        written = self.written(model, material.heldout, material.vocabulary, N_SHOWN)
        pairs = zip(material.heldout.pairs, written, strict=False)
        return '\n'.join(
            f'{pair.source} \N{RIGHTWARDS ARROW} {text}'
            + ('' if text == pair.target else f'  (not {pair.target})')
            for pair, text in pairs
        )

    def notices(self, material):
        found = {'training': material.training, 'held-out': material.heldout}
        return [
            f'{batches.n_left_out:,} of {batches.n_left_out + len(batches.pairs):,} {what} pairs '
            'are longer than train.window or train.target_window, and left out.'
            for what, batches in found.items()
            if batches.n_left_out
        ]
