"""What a run trains, on what and how: a description that has read nothing and made nothing yet."""

import dataclasses
import inspect
import math
from collections.abc import Sequence
from typing import Any, get_args

import jax
import optax

from .. import data as corpora
from ..combinators import PRECISIONS, Layer, LayerError, ShapeDtype
from ..kernels import Implementation
from .devices import Devices
from .document_tasks import DocumentTask, PackedTask
from .freezing import frozen
from .label_tasks import ClassTask, TagTask
from .language_task import LanguageTask
from .optimizers import Adam
from .pair_task import PairTask
from .stepper import NOT_FINITE
from .task import Material, Sizes, Task
from .trainer import Progress, Trainer
from .window_task import WindowTask

_KINDS = (
    *(LanguageTask, WindowTask, DocumentTask, PackedTask),
    *(ClassTask, TagTask, PairTask),
)
TASKS = {kind.name: kind() for kind in _KINDS}


@dataclasses.dataclass
class Experiment:
    """Training a model on a corpus; in a config its name is `train`.

    Args:
      model: maps ids (batch, time) to log-probabilities: (batch, time, ids), (batch, classes) or
        (batch, time, tags), by the task; for pairs it maps two texts to scores of the second.
      corpus: 'python_docs', or the path of a UTF-8 text file, or of a file of tokens (see
        retrax.data.TokenFile), with the vocabulary that it was written with; for classes also
        'agreement' and 'pictures', for tags 'python_source', or the path of a labelled text (see
        retrax.data.parse_rows); for pairs 'copy', 'reverse', 'addition', 'dates', or the path of a
        text of them (see retrax.data.parse_pairs). A path may be that of a folder, of *.gz or
        *.jsonl, see data.load.
      vocabulary: 'bytes' (256 ids); 'characters' (those of the training text, and 2 more); 'bpe' or
        'unigram' (pieces that are learned from the training text, with the library tokenizers or
        sentencepiece).
      vocabulary_size: how many ids 'bpe' and 'unigram' learn; 1024 by default.
      batch_size: how many streams the training text is cut into, or rows per batch.
      window: how many tokens of each stream make a batch. Of rows, how many tokens are read; of
        pairs, how many tokens a source may have.
      horizon: over how many tokens of its stream a gradient goes back, a divisor or a multiple of
        the window; None: to the edge of the window.
      steps: how many batches to learn from; a budget in steps is the same on every machine.
      optimizer: an optax transformation; Adam(1e-3, clip_norm=1.0) by default.
      eval_every: steps between evaluations on held-out text, each with a checkpoint.
      log_every: steps between log points.
      seed: for new weights, for what is drawn while training, and for the order of rows.
      precision: of products, 'float32', 'tf32' or 'bf16'.
      implementation: of the kernels of recurrent layers, 'auto', 'reference' or 'xla'.
      task: 'language', next tokens of a text; 'windows', the same in windows that begin anew, for
        models of bounded length such as TransformerLM; 'documents', the same in streams whose state
        begins anew with each document, and 'packed', in rows that hold several, both for models
        that take resets; 'classes', of the rows of a labelled text; 'tags', of the characters of
        its rows; 'pairs', for each source a target that is written.
      frozen: patterns of the paths of weights that stay as they are, such as 'Embedding#1'.
      n_devices: how many devices share the rows of a batch; 'all' that are there.
      not_finite: whether a step whose loss, gradient or update is not finite will 'stop' the run,
        or 'skip' itself and be counted.
      patience: how many evaluations in a row may be no better than the best before them; the run
        ends after that. None: it makes all its steps.
      tensorboard: whether what a run notes is written for TensorBoard too, by tensorboardX.
      sample_length: how many tokens of its own text a language model shows at each evaluation; 0:
        it shows none. Of a model of pairs it is whether some pairs are shown.
      target_window: of pairs, how many tokens a target may have, its end among them; None: as many
        as a source.
      loss: a layer that takes (outputs, targets, weights), in the place of the task's; held-out
        data is judged as without it.

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
    implementation: Implementation = 'auto'
    task: str = 'language'
    frozen: Sequence[str] = ()
    n_devices: int | str = 1
    not_finite: str = 'stop'
    horizon: int | None = None
    patience: int | None = None
    vocabulary_size: int | None = None
    tensorboard: bool = False
    sample_length: int = 100
    target_window: int | None = None
    loss: Layer | None = None

    def __post_init__(self):
        if not isinstance(self.model, Layer):
            raise ValueError(
                f'train.model: expected a model, got {_kind(self.model)}. In a config a model is '
                'made by a call: train.model = @GRULM()'
            )
        if self.loss is not None and not isinstance(self.loss, Layer):
            raise ValueError(f'train.loss: expected a layer or None, got {_kind(self.loss)}')
        for name in ('batch_size', 'window', 'steps', 'eval_every', 'log_every'):
            _check_count(name, getattr(self, name))
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f'train.seed: expected an int from 0 up, got {self.seed!r}')
        _check_choice('task', self.task, tuple(TASKS))
        self._check_target_window()
        _check_choice('vocabulary', self.vocabulary, corpora.VOCABULARIES)
        self._check_vocabulary()
        _check_choice('precision', self.precision, PRECISIONS)
        if self.patience is not None:
            _check_count('patience', self.patience, ' or None')
        _check_choice('tensorboard', self.tensorboard, (False, True))
        if self.sample_length != 0:
            _check_count('sample_length', self.sample_length, ' or 0')
        _check_choice('not_finite', self.not_finite, NOT_FINITE)
        if self.n_devices != 'all':
            _check_count('n_devices', self.n_devices, " or 'all'")
        _check_choice('implementation', self.implementation, get_args(Implementation))
        if not hasattr(self.optimizer, 'update'):
            raise ValueError(
                f'train.optimizer: expected an optimizer, got {_kind(self.optimizer)}. In a config '
                'it is made by a call: train.optimizer = @Adam()'
            )
        model = self.model.with_precision(self.precision)
        self.model = model.with_implementation(self.implementation)

    def _check_vocabulary(self):
        is_learned = self.vocabulary not in ('bytes', 'characters')
        if is_learned and self.task == 'tags':
            raise ValueError(
                "train.vocabulary: the task 'tags' has a tag for each character, which a piece of "
                f"{self.vocabulary!r} may have several of. Use 'bytes' or 'characters'."
            )
        if self.vocabulary_size is not None:
            _check_count('vocabulary_size', self.vocabulary_size)
            if not is_learned:
                raise ValueError(
                    "train.vocabulary_size is for 'bpe' and 'unigram'; "
                    f'{self.vocabulary!r} has the size that it has'
                )

    def _check_target_window(self):
        if self.target_window is None:
            return
        _check_count('target_window', self.target_window, ' or None')
        if self.task != PairTask.name:
            raise ValueError(
                f'train.target_window is for pairs of texts, and the task {self.task!r} has one '
                "text: leave it out, or say train.task = 'pairs'"
            )

    @property
    def what(self) -> Task:
        """What `task` names."""
        return TASKS[self.task]

    @property
    def sizes(self) -> Sizes:
        """How much of a text makes a batch."""
        return Sizes(self.batch_size, self.window, self.target_window or self.window)

    @property
    def signature(self) -> Any:
        """The signature of the model's inputs."""
        return self.what.inputs(self.sizes)

    @property
    def n_weights(self) -> int:
        """How many weights the model has; none is made."""
        weights, _ = self.model.weights_and_state_signature(self.signature)
        return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(weights))

    def output_signature(self) -> ShapeDtype:
        """Returns the signature of the model's scores for a batch; nothing is computed.

        Raises:
          LayerError: a layer of the model gets what it cannot take.
          ValueError: the model gives something else than the task asks for.
        """
        n_in = self.model.n_in
        if n_in < self.what.n_in:
            raise ValueError(self._other_inputs())
        try:
            outputs = self.model.output_signature(self.signature)
        except LayerError as error:
            if n_in == self.what.n_in:
                raise
            raise ValueError(f'{error}\n{self._other_inputs()}') from error
        return self.what.scores(outputs, self.sizes, self.model.name)

    def _other_inputs(self):
        """Says that the model takes another number of inputs than the task gives."""
        n_in = self.model.n_in
        others = ' or '.join(repr(task.name) for task in TASKS.values() if task.n_in == n_in)
        return (
            f'train.model: the task {self.task!r} gives a model {self.what.inputs_in_words}; '
            f'{self.model.name} takes {n_in} input{"s" if n_in > 1 else ""}.'
            + (f' That is for train.task = {others}.' if others else '')
        )

    def material(self) -> Material:
        """Reads the corpus, splits it, and makes the vocabulary and the batches.

        Raises:
          OSError: the corpus cannot be read.
          ValueError: it is empty, not UTF-8, or cannot be used for the task.
          ImportError: the library that learns the vocabulary is not installed.
        """
        corpus = self.what.load(self.corpus)

        def fit(text: str) -> corpora.Vocabulary:
            return corpora.fit_vocabulary(self.vocabulary, text, self.vocabulary_size)

        try:
            material = self.what.material(corpus, fit, self.sizes, self.seed)
            self._check_kind(material.vocabulary)
            return material
        except ValueError as error:
            raise ValueError(f"The corpus '{self.corpus}' cannot be trained on: {error}") from error

    def _check_kind(self, made: corpora.Vocabulary) -> None:
        if made.kind != self.vocabulary:
            raise ValueError(
                f'its tokens are of a vocabulary of {made.kind!r}, and train.vocabulary is '
                f'{self.vocabulary!r}. Say train.vocabulary = {made.kind!r}'
            )

    def blank(self) -> Any:
        """Returns batches of nothing, for the shapes of what a run keeps."""
        return self.what.blank(self.sizes)

    def seconds_left(self, progress: Progress) -> float:
        """Returns how long the steps that are left take, at the speed of a log point."""
        positions = math.prod(self.what.targets(self.sizes))
        return (self.steps - progress.step) * positions / progress.tokens_per_second

    @property
    def devices(self) -> Devices:
        """The devices that share the rows.

        Raises:
          ValueError: they are not there, or cannot have equally many rows.
        """
        return Devices(self.n_devices, self.batch_size)

    def trainer(self, batches: Any, n_devices: int | str | None = None) -> Trainer:
        """Returns what trains the model on batches, on as many devices as the experiment says."""
        optimizer, n_devices = self.optimizer, n_devices or self.n_devices
        if self.frozen:
            optimizer = frozen(optimizer, self.model, *self.frozen)
        task = self.what
        more = task.metrics, self.seed, n_devices, self.not_finite, self.horizon
        loss = task.loss if self.loss is None else self.loss
        return Trainer(self.model, batches, optimizer, loss, *more)


def _kind(value):
    return f'the function {value.__name__}' if inspect.isfunction(value) else type(value).__name__


def _check_count(name, value, more=''):
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f'train.{name}: expected a positive int{more}, got {value!r}')


def _check_choice(name, value, choices):
    if value not in choices:
        raise ValueError(f'train.{name}: expected one of {choices}, got {value!r}')
