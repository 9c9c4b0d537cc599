"""fit: train a model on a text or on batches, in one line."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .examples import text_batches
from .optimizers import Adam
from .trainer import Progress, Trainer


@dataclasses.dataclass
class History:
    """What a training went through: one entry per log point."""

    progress: list[Progress] = dataclasses.field(default_factory=list)

    @property
    def steps(self) -> list[int]:
        """How many steps were made at each log point."""
        return [entry.step for entry in self.progress]

    @property
    def losses(self) -> list[float]:
        """The mean loss up to each log point, since the one before it."""
        return [entry.loss for entry in self.progress]

    def __repr__(self):
        if not self.progress:
            return 'History(no log points)'
        return f'History(steps={self.steps[-1]}, loss={self.losses[0]:.3f}..{self.losses[-1]:.3f})'


def fit(
    model: Any,
    data: str | Iterable[Any],
    steps: int,
    *,
    optimizer: Any = None,
    loss: Any = None,
    metrics: Mapping[str, Any] | None = None,
    batch_size: int = 32,
    window: int = 64,
    seed: int = 0,
    log_every: int = 100,
    callback: Callable[[Progress], Any] | None = None,
    not_finite: str = 'stop',
) -> History:
    """Trains a model in place and returns the losses on the way.

    The model has its new weights at the end, after Ctrl-C or another exception too. Its mode,
    carry and state stay as they are.

    Args:
      model: maps inputs to outputs; weights are made from `seed` if it has none.
      data: a text, which is learned byte by byte (so the model tells 256 ids apart) in contiguous
        batches with carried state; or batches: token ids (batch, time), tuples (inputs, targets)
        or (inputs, targets, weights), or `retrax.data.ContiguousBatches`. They are started over
        as often as needed.
      steps: how many batches to learn from.
      optimizer: an optax transformation; Adam(1e-3, clip_norm=1.0) by default.
      loss: a layer that takes (outputs, targets, weights); CrossEntropyLoss() by default.
      metrics: more such layers by name, such as {'accuracy': tl.Accuracy()}.
      batch_size: for a text, how many streams it is cut into.
      window: for a text, how many bytes of each stream make a batch.
      seed: for new weights, dropout and the like.
      log_every: how many steps make one entry of the history.
      callback: called with each `Progress`; the model has the weights of that moment.
      not_finite: what a step does whose loss, gradient or update is not: 'stop' the training, or
        'skip' itself, counted in the metric 'skipped'.

    Raises:
      LayerError: the model does not fit the data.
      DivergedError: a loss or gradient was NaN or infinite; the weights are those before it.
      ValueError: the data has no batches, or ids that the model does not know.
    """
    if isinstance(data, str):
        data = text_batches(data, batch_size, window)
    trained = model, data, optimizer or _default_optimizer(), loss, metrics, seed
    trainer = Trainer(*trained, not_finite=not_finite)
    history = History()
    try:
        for progress in trainer.run(steps, log_every):
            history.progress.append(progress)
            if callback is not None:
                trainer.sync()
                callback(progress)
    finally:
        trainer.sync()
    return history


@functools.cache  # one object, so that a second fit of a model finds its compiled step
def _default_optimizer():
    return Adam(1e-3, clip_norm=1.0)
