"""Learning labels: a class for each row of a labelled text, or a tag for each of its characters."""

import abc
import collections
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .. import data as corpora
from ..layers import Accuracy
from .evaluate import Evaluation, evaluate
from .task import Material, Task


class LabelTask(Task):
    """Predicts labels; judged by the share of held-out ones that are right."""

    figure = 'accuracy'
    lower_is_better = False
    tagged: ClassVar[bool]
    metrics: ClassVar = {'accuracy': Accuracy()}

    def split(self, text):
        training, heldout = corpora.split_rows(corpora.parse_rows(text, self.tagged))
        return corpora.format_rows(training), corpora.format_rows(heldout)

    def material(self, corpus, fit, batch_size, window, seed):
        rows = corpora.parse_rows(corpus.text, self.tagged)
        training, heldout = corpora.split_rows(rows)
        labels = corpora.labels_of(rows, self.tagged)
        made = fit(''.join(row.text for row in training))
        batches = self.batches(training, labels, made, batch_size, window, seed)
        return Material(
            corpus,
            made,
            corpora.format_rows(training),
            corpora.format_rows(heldout),
            batches,
            self.batches(heldout, labels, made, batch_size, window),
            batches.n_tokens,
            labels,
        )

    def batches(
        self,
        rows: Sequence[corpora.Row],
        labels: Sequence[str],
        vocabulary: corpora.Vocabulary,
        batch_size: int,
        window: int,
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
        return corpora.RowBatches(ids, targets, batch_size, window, seed)

    @abc.abstractmethod
    def encode(self, row: corpora.Row, ids: Any, numbers: dict[str, int]) -> Any:
        """Returns the target of a row."""

    def blank(self, batch_size, window):
        row = np.ones(1, np.int32)
        return corpora.RowBatches([row], [row if self.tagged else 0], batch_size, window)

    def evaluate(self, model, material):
        return evaluate(model, material.heldout, metrics=self.metrics)

    def figure_of(self, evaluation: Evaluation):
        return evaluation.metrics['accuracy']

    def figure_in_words(self, value):
        return f'{100 * value:.2f}% of {self.unit} right'

    def training_in_words(self, metrics, material):
        return f'loss {metrics["loss"]:.3f}  {self.figure_in_words(metrics["accuracy"])}'

    def baselines(self, material):
        training, heldout = (
            corpora.parse_rows(text, self.tagged)
            for text in (material.training_text, material.heldout_text)
        )
        return self.counted(training, heldout)

    @abc.abstractmethod
    def counted(self, training: list[corpora.Row], heldout: list[corpora.Row]) -> dict[str, float]:
        """Returns the accuracy of each baseline by its name."""


class ClassTask(LabelTask):
    """Predicts the class of a row."""

    name = 'classes'
    outputs = '(batch, classes)'
    fix = 'A classifier ends with MaskedMean() or Mean(axis=1), Dense(n_classes) and LogSoftmax().'
    unit = 'rows'
    tagged = False

    def targets(self, batch, time):
        return (batch,)

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
    unit = 'tokens'
    tagged = True

    def targets(self, batch, time):
        return batch, time

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
