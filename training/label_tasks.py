"""Learning labels: a class for each row of a labelled text, or a tag for each of its characters."""

import abc
import collections
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .. import data as corpora
from ..layers import Accuracy
from .evaluate import Evaluation, evaluate
from .results import LabelResult
from .task import Material, Sizes, Task


class LabelTask(Task):
    """Predicts labels; judged by the share of held-out ones that are right."""

    figure = 'accuracy'
    lower_is_better = False
    tagged: ClassVar[bool]
    metrics: ClassVar = {'accuracy': Accuracy()}

    def split(self, corpus):
        training, heldout = corpora.split_rows(corpora.parse_rows(corpus.text, self.tagged))
        return corpora.format_rows(training), corpora.format_rows(heldout)

    def material(self, corpus, fit, sizes, seed):
        rows = corpora.parse_rows(corpus.text, self.tagged)
        training, heldout = corpora.split_rows(rows)
        labels = corpora.labels_of(rows, self.tagged)
        made = fit(''.join(row.text for row in training))
        batches = self.batches(training, labels, made, sizes, seed)
        return Material(
            corpus,
            made,
            corpora.format_rows(training),
            corpora.format_rows(heldout),
            batches,
            self.batches(heldout, labels, made, sizes),
            batches.n_tokens,
            labels,
        )

    def batches(
        self,
        rows: Sequence[corpora.Row],
        labels: Sequence[str],
        vocabulary: corpora.Vocabulary,
        sizes: Sizes,
        seed: int | None = None,
    ) -> corpora.RowBatches:
        """Returns rows as batches, shuffled where there is a seed.

        Raises:
          ValueError: a row has a label that is none of `labels`.
        """
        numbers = {label: i for i, label in enumerate(labels)}
        unknown = set(corpora.labels_of(rows, self.tagged)) - set(labels)
        if unknown:
            raise ValueError(
                f'the rows have labels that the model does not know: {sorted(unknown)[:5]}; it '
                f'knows {list(labels)[:20]}'
            )
        ids = [vocabulary.encode(row.text) for row in rows]
        targets = [self.encode(row, found, numbers) for row, found in zip(rows, ids, strict=True)]
        return corpora.RowBatches(ids, targets, sizes.batch_size, sizes.window, seed)

    @abc.abstractmethod
    def encode(self, row: corpora.Row, ids: Any, numbers: dict[str, int]) -> Any:
        """Returns the target of a row."""

    def blank(self, sizes):
        row = np.ones(1, np.int32)
        target = row if self.tagged else 0
        return corpora.RowBatches([row], [target], sizes.batch_size, sizes.window)

    def evaluate(self, model, material):
        return evaluate(model, material.heldout, metrics=self.metrics)

    def figure_of(self, evaluation: Evaluation):
        return evaluation.metrics['accuracy']

    def in_words(self, evaluation):
        return self._right(evaluation.metrics)

    def training_in_words(self, metrics, material):
        return f'loss {metrics["loss"]:.3f}  {self._right(metrics)}'

    def _right(self, metrics):
        return f'{100 * metrics["accuracy"]:.2f}% of {self.unit} right'

    def result(self, step, figures, baselines):
        return LabelResult(step, figures['heldout_accuracy'], baselines)

    def baselines(self, material):
        training, heldout = (
            corpora.parse_rows(text, self.tagged)
            for text in (material.training_text, material.heldout_text)
        )
        return self.counted(training, heldout)

    def notices(self, material):
        found = {'training': material.training, 'held-out': material.heldout}
        return [
            f'{batches.n_cut:,} of {batches.n_rows:,} {what} rows are longer than train.window, '
            'and what is beyond it is cut off.'
            for what, batches in found.items()
            if batches.n_cut
        ]

    @abc.abstractmethod
    def counted(self, training: list[corpora.Row], heldout: list[corpora.Row]) -> dict[str, float]:
        """Returns the accuracy of each baseline by its name."""


class ClassTask(LabelTask):
    """Predicts the class of a row."""

    name = 'classes'
    outputs = '(batch, classes)'
    fix = 'A classifier ends with MaskedMean() or Mean(axis=1), Dense(n_classes) and LogSoftmax().'
    size = 'n_classes'
    unit = 'rows'
    tagged = False

    def targets(self, sizes):
        return (sizes.batch_size,)

    def encode(self, row, ids, numbers):
        return numbers[row.label]

    def counted(self, training, heldout):
        commonest = collections.Counter(row.label for row in training).most_common(1)[0][0]
        words, pairs = (corpora.NaiveBayes.fit(training, n).accuracy(heldout) for n in (1, 2))
        return {
            'the commonest class': sum(r.label == commonest for r in heldout) / len(heldout),
            'naive Bayes over words': words,
            'naive Bayes over pairs of words': pairs,
        }


class TagTask(LabelTask):
    """Predicts the tag of each character."""

    name = 'tags'
    outputs = '(batch, time, tags)'
    fix = 'A tagger ends with Dense(n_tags) and LogSoftmax().'
    size = 'n_tags'
    unit = 'tokens'
    tagged = True

    def targets(self, sizes):
        return sizes.batch_size, sizes.window

    def encode(self, row, ids, numbers):
        found = [numbers[tag] for tag in row.label]
        if len(found) != len(ids):  # a character of several bytes: each has its tag
            found = np.repeat(found, [len(character.encode()) for character in row.text])
        return np.asarray(found, np.int32)

    def counted(self, training, heldout):
        commonest = corpora.TagCounts({}, _commonest_tag(training), 0)
        alone, around = (corpora.TagCounts.fit(training, reach) for reach in (0, 2))
        return {
            'the commonest tag': commonest.accuracy(heldout),
            'the commonest tag of each character': alone.accuracy(heldout),
            'the commonest tag between the same two neighbours on each side': around.accuracy(
                heldout
            ),
        }


def _commonest_tag(rows):
    return collections.Counter(''.join(row.label for row in rows)).most_common(1)[0][0]
