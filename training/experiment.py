"""What a run trains, on what and how: a description that has read nothing and made nothing yet."""

import dataclasses
import inspect
from typing import NamedTuple

import numpy as np
import optax

from .. import data as corpora
from ..combinators import PRECISIONS, Layer, ShapeDtype
from .optimizers import Adam

VOCABULARIES = ('bytes', 'characters')


class Material(NamedTuple):
    """A corpus, split, and encoded as batches."""

    corpus: corpora.Corpus
    vocabulary: corpora.Vocabulary
    training_text: str
    heldout_text: str
    training: corpora.ContiguousBatches
    heldout: corpora.ContiguousBatches


@dataclasses.dataclass
class Experiment:
    """Training a language model on a corpus; in a config its name is `train`.

    Args:
      model: maps ids (batch, time) to log-probabilities (batch, time, ids).
      corpus: 'python_docs', or the path of a UTF-8 text file.
      vocabulary: 'bytes' (256 ids), or 'characters' (those of the training text, and 2 more).
      batch_size: how many streams the training text is cut into.
      window: how many tokens of each stream make a batch; gradients end at its edge.
      steps: how many batches to learn from; a budget in steps is the same on every machine.
      optimizer: an optax transformation; Adam(1e-3, clip_norm=1.0) by default.
      eval_every: steps between evaluations on held-out text, each with a checkpoint.
      log_every: steps between log points.
      seed: for new weights and for what is drawn while training.
      precision: of products, 'float32', 'tf32' or 'bf16'.

    Raises:
      ValueError: a value that no run can have.
    """

    model: Layer
    corpus: str = 'python_docs'
    vocabulary: str = 'bytes'
    batch_size: int = 32
    window: int = 64
    steps: int = 1000
    optimizer: optax.GradientTransformation = dataclasses.field(
        default_factory=lambda: Adam(1e-3, clip_norm=1.0)
    )
    eval_every: int = 250
    log_every: int = 25
    seed: int = 0
    precision: str = 'float32'

    def __post_init__(self):
        if not isinstance(self.model, Layer):
            raise ValueError(
                f'train.model: expected a model, got {_kind(self.model)}. In a config a model is '
                'made by a call: train.model = @GRULM()'
            )
        for name in ('batch_size', 'window', 'steps', 'eval_every', 'log_every'):
            _check_count(name, getattr(self, name))
        if isinstance(self.seed, bool) or not isinstance(self.seed, int):
            raise ValueError(f'train.seed: expected an int, got {self.seed!r}')
        _check_choice('vocabulary', self.vocabulary, VOCABULARIES)
        _check_choice('precision', self.precision, PRECISIONS)
        if not hasattr(self.optimizer, 'update'):
            raise ValueError(
                f'train.optimizer: expected an optimizer, got {_kind(self.optimizer)}. In a config '
                'it is made by a call: train.optimizer = @Adam()'
            )
        self.model = self.model.with_precision(self.precision)

    @property
    def signature(self) -> ShapeDtype:
        """The signature of the model's input."""
        return ShapeDtype((self.batch_size, self.window), np.int32)

    def output_signature(self) -> ShapeDtype:
        """Returns the signature of the model's output for a batch; nothing is computed.

        Raises:
          LayerError: a layer of the model gets what it cannot take.
          ValueError: the model gives something else than (batch, time, ids).
        """
        outputs, (batch, time) = self.model.output_signature(self.signature), self.signature.shape
        if isinstance(outputs, tuple):
            fix = 'Take the others from the stack, with Drop or Select.'
        elif len(outputs.shape) != 3 or outputs.shape[:2] != (batch, time):
            fix = 'A language model ends with Dense(vocab_size) and LogSoftmax().'
        else:
            return outputs
        raise ValueError(
            f'train.model: expected one array (batch, time, ids), here ({batch}, {time}, ids), got '
            f'{outputs} from {self.model.name}. {fix}'
        )

    def material(self) -> Material:
        """Reads the corpus, splits it, and makes the vocabulary and the batches.

        Raises:
          OSError: the corpus cannot be read.
          ValueError: it is empty, not UTF-8, or too short for one batch.
        """
        corpus = corpora.load(self.corpus)
        try:
            training_text, heldout_text = corpora.split(corpus.text)
            vocabulary = _vocabulary(self.vocabulary, training_text)
            ids, heldout = vocabulary.encode(training_text), vocabulary.encode(heldout_text)
            rows = max(1, min(self.batch_size, len(heldout) // 2))
            return Material(
                corpus,
                vocabulary,
                training_text,
                heldout_text,
                corpora.ContiguousBatches(ids, self.batch_size, self.window),
                corpora.ContiguousBatches(heldout, rows, self.window),
            )
        except ValueError as error:
            raise ValueError(f"The corpus '{self.corpus}' cannot be trained on: {error}") from error


def _vocabulary(kind, text):
    return corpora.ByteVocabulary() if kind == 'bytes' else corpora.CharVocabulary.fit(text)


def _kind(value):
    return f'the function {value.__name__}' if inspect.isfunction(value) else type(value).__name__


def _check_count(name, value):
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f'train.{name}: expected a positive int, got {value!r}')


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(f'train.{name}: expected one of {choices}, got {value!r}')
