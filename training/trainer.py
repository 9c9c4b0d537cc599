"""A stepper over data, with log points: what `fit` and `retrax train` run."""

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import optax

from ..combinators.errors import warn
from . import step as steps
from .examples import as_example, batches_from, is_contiguous
from .stepper import Stepper


class Progress(NamedTuple):
    """What is known at a log point."""

    step: int  # how many steps were made
    metrics: dict[str, float]  # means over the steps since the last log point: 'loss', ...
    tokens_per_second: float  # positions of the targets; time between log points only

    @property
    def loss(self) -> float:
        """The mean loss since the last log point, in nats for the language-model loss."""
        return self.metrics['loss']


class Trainer(Stepper):
    """Trains a model on data; `run` may be called again and again.

    Contiguous batches carry the model's state from window to window, and restart it where an epoch
    begins.

    Args:
      model: any layer that maps inputs to outputs; its weights are made if it has none.
      data: batches, see `as_example`.
      optimizer: an optax transformation.
      loss: a layer that takes (outputs, targets, weights); CrossEntropyLoss by default.
      metrics: more such layers, by name.
      seed: for new weights and for what is drawn while training.
      n_devices: how many share the rows of a batch, or 'all' that are there.
      not_finite: whether a step that is not will 'stop' the training, or 'skip' itself.
      horizon: how many steps of a carried state a gradient goes back over; see horizon.py.

    Raises:
      LayerError: the model does not fit the first batch.
      ValueError: a batch is none, or has ids that the model does not know; the devices are not
        there, or cannot have equally many rows.
    """

    def __init__(
        self,
        model: Any,
        data: Iterable[Any],
        optimizer: optax.GradientTransformation,
        loss: Any = None,
        metrics: Mapping[str, Any] | None = None,
        seed: int = 0,
        n_devices: int | str = 1,
        not_finite: str = 'stop',
        horizon: int | None = None,
    ):
        self._data = data
        batches = batches_from(data)
        first = next(batches)
        self._batches = itertools.chain([first], batches)
        sample = as_example(first, model.n_in)
        _warn_if_padding_counts(model, first)
        learned = model, sample, optimizer, loss, metrics, seed
        super().__init__(*learned, is_contiguous(data), n_devices, not_finite, horizon)

    def resume(self, state: steps.TrainState) -> None:
        """Goes on from a state that was saved, with the batch of its step."""
        super().resume(state)
        earlier = self._horizon.before(self.step)
        self._batches = batches_from(self._data, earlier.start)
        for _ in earlier:
            self.remember(as_example(next(self._batches), self.model.n_in))

    def run(self, until: int, log_every: int = 100, stop: Any = False) -> Iterator[Progress]:
        """Trains until `until` steps were made; yields every `log_every` steps and at the end.

        Args:
          until: a number of steps.
          log_every: how many steps make one log point.
          stop: looked at before each step; ends the training early once it is true.

        Raises:
          DivergedError: a step was not finite. The state is that before this step.
        """
        started, positions = time.perf_counter(), 0
        while self.step < until and not stop:
            example = as_example(next(self._batches), self.model.n_in)
            self.advance(example)
            positions += int(np.size(example.compared[0]))
            if self.step % log_every == 0 or self.step == until:
                metrics = self.read()
                yield Progress(self.step, metrics, positions / (time.perf_counter() - started))
                started, positions = time.perf_counter(), 0


def _warn_if_padding_counts(model, batch):
    """Warns where ids without weights end in the start id, as padded rows do."""
    if isinstance(batch, tuple | list) or model.start_id is None:
        return
    padded = np.asarray(batch)[:, -1] == model.start_id
    if padded.any():
        warn(
            f'row {int(np.argmax(padded))} of a batch of token ids ends with {model.start_id}, '
            "which is also the id that the model's ShiftRight begins with. If it is padding, it "
            'counts in the loss: give (ids, ids, weights) with weights of 0 there. If it is a '
            'token, begin with another id: ShiftRight(start_id=...).'
        )
