"""What is learned from a corpus and how it is judged: next tokens, classes of rows, or tags.

A task knows what its batches are, what a model must give for them, and which figure of held-out
data counts; never the model, the loop, or the directory of a run.
"""

import abc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from .. import data as corpora
from .evaluate import Evaluation


class Material(NamedTuple):
    """A corpus, split, and encoded as batches."""

    corpus: corpora.Corpus
    vocabulary: corpora.Vocabulary
    training_text: str
    heldout_text: str
    training: corpora.ContiguousBatches | corpora.RowBatches
    heldout: Any  # batches of the held-out text, as the task cuts it
    n_training_tokens: int
    labels: tuple[str, ...] = ()  # classes or tags

    @property
    def n_outputs(self) -> int:
        """How many things a model tells apart: labels, or the ids of the vocabulary."""
        return len(self.labels) or self.vocabulary.size


class Task(abc.ABC):
    """What is learned.

    Attributes:
      name: as `train.task` says it.
      figure: what is measured on held-out data.
      outputs: the axes of what a model gives, in words.
      fix: how a model comes to give that.
      lower_is_better: of the figure.
      unit: what a model gives one distribution for.
      metrics: measured beside the loss.
      protocol: how `retrax eval` cuts a text, where it is not told.
    """

    name: ClassVar[str]
    figure: ClassVar[str]
    lower_is_better: ClassVar[bool]
    outputs: ClassVar[str]
    fix: ClassVar[str]
    unit: ClassVar[str]
    metrics: ClassVar[Mapping[str, Any]] = {}
    protocol: ClassVar[str] = 'carried'

    @abc.abstractmethod
    def targets(self, batch: int, time: int) -> tuple[int, ...]:
        """Returns the shape of the targets of a batch."""

    @abc.abstractmethod
    def split(self, text: str) -> tuple[str, str]:
        """Returns (training, heldout) parts of the text of a corpus."""

    @abc.abstractmethod
    def material(
        self,
        corpus: corpora.Corpus,
        fit: Callable[[str], corpora.Vocabulary],
        batch_size: int,
        window: int,
        seed: int,
    ) -> Material:
        """Splits and encodes a corpus, with a vocabulary that is fit to its training text.

        Raises:
          ValueError: the corpus cannot be used for this task.
        """

    @abc.abstractmethod
    def blank(self, batch_size: int, window: int) -> Any:
        """Returns batches of nothing, of the kind and shape of the real ones."""

    @abc.abstractmethod
    def evaluate(self, model: Any, material: Material) -> Evaluation:
        """Returns what a model is worth on held-out data."""

    @abc.abstractmethod
    def figure_of(self, evaluation: Evaluation) -> float:
        """Returns the figure that counts."""

    def more_figures(self, evaluation: Evaluation, material: Material) -> dict[str, float]:
        """Returns what else is noted of an evaluation, by name."""
        return {}

    @abc.abstractmethod
    def figure_in_words(self, value: float) -> str:
        """Returns the figure for people."""

    @abc.abstractmethod
    def training_in_words(self, metrics: Mapping[str, float], material: Material) -> str:
        """Returns the metrics of a log point for people."""

    @abc.abstractmethod
    def baselines(self, material: Material) -> dict[str, float]:
        """Returns by name what counting gets out of the same data, the one that counts last."""
