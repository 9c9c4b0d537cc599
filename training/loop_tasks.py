"""The tasks of a Loop: labelled data, and what a model's outputs on it are judged by."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import optax

from .examples import batches_from, is_contiguous


class _Labeled:
    """Labelled data that batches are taken from, one after another."""

    def __init__(self, labeled_data: Iterable[Any], sample_batch: Any, export_prefix: str | None):
        self.labeled_data, self.export_prefix = labeled_data, export_prefix
        self._is_iterator = isinstance(labeled_data, Iterator)
        self.start_at(0)
        if sample_batch is None:
            sample_batch = next(self._batches if self._is_iterator else batches_from(labeled_data))
        self.sample_batch = sample_batch

    def next_batch(self) -> Any:
        """Returns the next batch."""
        self.n_taken += 1
        return next(self._batches)

    @property
    def place(self) -> Any:
        """Where the next batch is, as a checkpoint keeps it; None where `n_taken` says it."""
        return getattr(self._batches, 'place', None)

    def start_at(self, n: int, place: Any = None) -> None:
        """Makes the n-th batch the next one; a generator stands where it stands.

        Raises:
          ValueError: `place` is known, and the data is of a kind that knows none.
        """
        self.n_taken = n
        data, skipped = self.labeled_data, 0 if self._is_iterator else n
        self._batches = batches_from(data, skipped, place)

    @property
    def is_contiguous(self) -> bool:
        """Whether each batch goes on where the one before it ended."""
        return is_contiguous(self.labeled_data)


class TrainTask(_Labeled):
    """Labelled data, and the feedback by which a model learns from it.

    Args:
      labeled_data: an iterator over batches: tuples of the model's inputs and then what its outputs
        are compared with, targets and weights. Its first batch is the sample. A list, or batches of
        `retrax.data`, is started over as often as needed, and a Loop that is resumed goes on at its
        batch. So it does with iterators that tell their place, see `data.Passes`.
      loss_layer: takes (outputs, targets, weights) and gives one number.
      optimizer: an optax transformation, such as `retrax.optimizers.Adam(0.01)`, or a function that
        makes one.
      lr_schedule: from a step, beginning with 1, to a learning rate. It is set in the optimizer's
        state, as those of `retrax.optimizers` and `optax.inject_hyperparams` have one.
      n_steps_per_checkpoint: steps between checkpoints, where the Loop was not told otherwise.
      n_steps_per_permanent_checkpoint: the same for checkpoints that stay.
      loss_name: of the loss in what is printed; the layer's name by default.
      sample_batch: what the batches look like.
      export_prefix: a name for the task.
    """

    def __init__(
        self,
        labeled_data: Iterable[Any],
        loss_layer: Any,
        optimizer: optax.GradientTransformation | Callable[[], optax.GradientTransformation],
        lr_schedule: Callable[[int], Any] | None = None,
        n_steps_per_checkpoint: int = 100,
        n_steps_per_permanent_checkpoint: int | None = None,
        loss_name: str | None = None,
        sample_batch: Any = None,
        export_prefix: str | None = None,
    ):
        super().__init__(labeled_data, sample_batch, export_prefix)
        self.loss_layer, self.lr_schedule = loss_layer, lr_schedule
        self.optimizer: Any = optimizer() if callable(optimizer) else optimizer
        self.n_steps_per_checkpoint = n_steps_per_checkpoint
        self.n_steps_per_permanent_checkpoint = n_steps_per_permanent_checkpoint
        self.loss_name = loss_name or loss_layer.name

    def learning_rate(self, step: int) -> float | None:
        """Returns what the schedule says for a step; None without a schedule."""
        return None if self.lr_schedule is None else float(self.lr_schedule(step))


class EvalTask(_Labeled):
    """Labelled data, and the metrics of a model on it.

    Args:
      labeled_data: as for a TrainTask.
      metrics: layers that take (outputs, targets, weights), or the first of them, and give one
        number.
      metric_names: one for each; the layers' names by default.
      n_eval_batches: over how many batches a metric is averaged.
      sample_batch: what the batches look like.
      export_prefix: a name for the task.

    Raises:
      ValueError: there are more or fewer names than metrics.
    """

    def __init__(
        self,
        labeled_data: Iterable[Any],
        metrics: Sequence[Any],
        metric_names: Sequence[str] | None = None,
        n_eval_batches: int = 1,
        sample_batch: Any = None,
        export_prefix: str | None = None,
    ):
        self.metrics, self.n_eval_batches = list(metrics), n_eval_batches
        self.metric_names = list(metric_names or [metric.name for metric in metrics])
        if len(self.metrics) != len(self.metric_names):
            raise ValueError(
                f'EvalTask: {len(self.metrics)} metrics have {len(self.metric_names)} names: '
                f'{self.metric_names}'
            )
        super().__init__(labeled_data, sample_batch, export_prefix)
