"""What is learned from a corpus and how it is judged: next tokens, labels, or other texts.

A task knows what its batches are, what a model must give for them, and which figure of held-out
data counts; never the model, the loop, or the directory of a run.
"""

import abc
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import numpy as np

from .. import data as corpora
from ..combinators import ShapeDtype
from .evaluate import Evaluation
from .results import Result


class Sizes(NamedTuple):
    """How much of a text makes a batch."""

    batch_size: int
    window: int  # tokens
    target_window: int  # tokens of a target, where there are two texts


class Material(NamedTuple):
    """A corpus, split, and encoded as batches."""

    corpus: corpora.Corpus | corpora.TokenCorpus
    vocabulary: corpora.Vocabulary
    training_text: str
    heldout_text: str
    training: Any  # batches
    heldout: Any  # batches of the held-out text, as the task cuts it
    n_training_tokens: int  # of the training text
    labels: tuple[str, ...] = ()  # classes or tags

    @property
    def n_outputs(self) -> int:
        """How many things a model tells apart: labels, or the ids of the vocabulary."""
        return len(self.labels) or self.vocabulary.size

    @property
    def n_training(self) -> int:
        """How many characters there are to learn from."""
        return self.corpus.n_characters - len(self.heldout_text)


class Task(abc.ABC):
    """What is learned.

    Attributes:
      name: as `train.task` says it.
      figure: what is measured on held-out data.
      outputs: the axes of what a model gives, in words.
      fix: how a model comes to give that.
      size: what sets the last of these axes.
      n_in: how many inputs a model takes.
      inputs_in_words: what they are.
      lower_is_better: of the figure.
      unit: what a model gives one distribution for.
      loss: takes (outputs, targets, weights); CrossEntropyLoss where it is None.
      metrics: measured beside the loss.
      goes_on: whether a model goes on with a text, as `generate` wants it.
      protocol: how `retrax eval` cuts a text, where it is not told.
    """

    name: ClassVar[str]
    figure: ClassVar[str]
    lower_is_better: ClassVar[bool]
    outputs: ClassVar[str]
    fix: ClassVar[str]
    size: ClassVar[str]
    unit: ClassVar[str]
    n_in: ClassVar[int] = 1
    inputs_in_words: ClassVar[str] = 'one text, ids (batch, time)'
    loss: ClassVar[Any] = None
    metrics: ClassVar[Mapping[str, Any]] = {}
    goes_on: ClassVar[bool] = False
    protocol: ClassVar[str] = 'carried'

    def inputs(self, sizes: Sizes) -> Any:
        """Returns the signature of what a model takes; sizes may be names."""
        return ShapeDtype((sizes.batch_size, sizes.window), np.int32)

    @abc.abstractmethod
    def targets(self, sizes: Sizes) -> tuple[int, ...]:
        """Returns the shape of the targets of a batch."""

    def scores(self, outputs: Any, sizes: Sizes, model: str) -> ShapeDtype:
        """Returns the signature of what is compared with targets, among the outputs of a model.

        Raises:
          ValueError: they are not what the task asks for.
        """
        fix = self.fix
        if isinstance(outputs, tuple):
            fix = 'Take the others from the stack, with Drop or Select.'
        elif outputs.shape[:-1] == self.targets(sizes):
            return outputs
        raise ValueError(
            f'train.model: expected one array {self.asked(sizes)}, got {outputs} from {model}. '
            f'{fix}'
        )

    def asked(self, sizes: Sizes) -> str:
        """Returns in words what shape a model must give."""
        last = self.outputs.rpartition(' ')[2]
        return f'{self.outputs}, here ({", ".join(map(str, self.targets(sizes)))}, {last}'

    def load(self, source: str) -> Any:
        """Reads a corpus.

        Raises:
          OSError, ValueError: it cannot be read.
        """
        if corpora.TokenFile.is_at(source):
            raise ValueError(
                f'{source} is a file of tokens, and the task {self.name!r} reads a text. Files of '
                "tokens are for train.task = 'language' or 'windows'."
            )
        return corpora.load(source)

    @abc.abstractmethod
    def split(self, corpus: Any) -> tuple[str, str]:
        """Returns (training, heldout) parts of the text of a corpus."""

    @abc.abstractmethod
    def material(
        self,
        corpus: Any,
        fit: Callable[[str], corpora.Vocabulary],
        sizes: Sizes,
        seed: int,
    ) -> Material:
        """Splits and encodes a corpus, with a vocabulary that is fit to its training text.

        Raises:
          ValueError: the corpus cannot be used for this task.
        """

    @abc.abstractmethod
    def blank(self, sizes: Sizes) -> Any:
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
    def in_words(self, evaluation: Evaluation) -> str:
        """Returns what an evaluation found, for people."""

    @abc.abstractmethod
    def training_in_words(self, metrics: Mapping[str, float], material: Material) -> str:
        """Returns the metrics of a log point for people."""

    @abc.abstractmethod
    def baselines(self, material: Material) -> dict[str, float]:
        """Returns by name what counting gets out of the same data, the one that counts last."""

    @abc.abstractmethod
    def result(
        self, step: int, figures: Mapping[str, float], baselines: dict[str, float]
    ) -> Result:
        """Returns how a run ended, from the last line of its metrics."""

    def sizes_in_words(self, sizes: Sizes) -> str:
        """Returns what a batch has."""
        return f'{sizes.batch_size} x {sizes.window} tokens'

    def reader(self, model: Any) -> Any:
        """Returns a model that goes on with a text as one of ids alone, as `generate` takes it."""
        return model

    def sample(self, model: Any, material: Material) -> str:
        """Returns some of what a model makes of held-out data, for people; nothing by default."""
        return ''

    def notices(self, material: Material) -> list[str]:
        """Returns what a user should know of the material before a run begins."""
        return []
