"""The loop around the step: what `fit` and `retrax train` both run.

The host reads nothing from the device between two log points, so the device never waits for it.
"""

import contextlib
import itertools
import signal
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ..combinators import as_key, signature
from . import step as steps
from .examples import check_categories, examples_from, is_contiguous


class DivergedError(ValueError):
    """The loss, its gradient or the update of the weights became NaN or infinite."""


class Progress(NamedTuple):
    """What is known at a log point."""

    step: int  # how many steps were made
    metrics: dict[str, float]  # means over the steps since the last log point: 'loss', ...
    tokens_per_second: float  # positions of the targets; time between log points only

    @property
    def loss(self) -> float:
        """The mean loss since the last log point, in nats for the language-model loss."""
        return self.metrics['loss']


class Loop:
    """Trains a model step by step; `run` may be called again and again.

    The weights are copied once, here; the model gets them back by `sync`. Contiguous batches carry
    the model's state from window to window, and restart it where an epoch begins; statistics, such
    as BatchNorm's, go on.

    Args:
      model: any layer that maps inputs to outputs; its weights are made if it has none.
      data: batches, see `as_example`.
      optimizer: an optax transformation.
      loss: a layer that takes (outputs, targets, weights); CrossEntropyLoss by default.
      metrics: more such layers, by name.
      seed: for new weights and for what is drawn while training.

    Raises:
      LayerError: the model does not fit the first batch.
      ValueError: a batch is none, or has ids that the model does not know.
    """

    def __init__(
        self,
        model: Any,
        data: Iterable[Any],
        optimizer: optax.GradientTransformation,
        loss: Any = None,
        metrics: Mapping[str, Any] | None = None,
        seed: int = 0,
    ):
        self.model, self._data = model, data
        self._metrics = dict(metrics or {})
        loss = steps.DEFAULT_LOSS if loss is None else loss
        first, self._examples = _peek(examples_from(data))
        inputs = signature(first.inputs)
        if not jax.tree.leaves(model.weights):
            model.init(inputs, seed)
        self._view = model.as_mode('train').with_carry(is_contiguous(data))
        _, model_state = self._view.init(inputs, seed)
        self._batch_size = jax.tree.leaves(first.inputs)[0].shape[0]
        self._n_categories = _n_categories(self._view.output_signature(inputs), first.targets)
        self.state = steps.new_train_state(
            model.weights, optimizer, model_state, as_key(seed), self._metrics
        )
        self._step = self._view.program(
            ('train step', optimizer, loss, tuple(self._metrics.items())),
            lambda: steps.build_step(self._view, optimizer, loss, self._metrics),
        )
        self.step = 0

    def resume(self, state: steps.TrainState) -> None:
        """Goes on from a state that was saved."""
        self.state, self.step = state, int(state.step)
        self._examples = examples_from(self._data, self.step)

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
            example = next(self._examples)
            check_categories(example, self._n_categories)
            if example.fresh:
                self.state = self.state._replace(model_state=self._initial_state())
            with uninterrupted():
                self.state = self._step(self.state, *example[:3])
                self.step += 1
            positions += int(np.size(example.targets))
            if self.step % log_every == 0 or self.step == until:
                metrics = self._read()
                yield Progress(self.step, metrics, positions / (time.perf_counter() - started))
                started, positions = time.perf_counter(), 0

    @property
    def step_function(self) -> Any:
        """The compiled step, to look at: (state, inputs, targets, weights) -> state."""
        return self._step

    @property
    def is_fine(self) -> bool:
        """Whether all steps so far had a finite loss; waits for the device."""
        return int(self.state.bad_step) == steps.FINE

    def sync(self) -> None:
        """Gives the model a copy of the weights and statistics as they are now."""
        self.model.weights = jax.tree.map(jnp.copy, self.state.weights)
        self.model.keep_statistics(self.state.model_state)

    def _initial_state(self):
        return self._view.new_state(self._batch_size, after=self.state.model_state)

    def _read(self):
        sums, bad_step = jax.device_get((self.state.sums, self.state.bad_step))
        if bad_step != steps.FINE:
            raise DivergedError(
                f'step {int(bad_step) + 1}: the loss, its gradient or the update became NaN or '
                'infinite. The weights are those before this step. Use a smaller learning rate, '
                'clip gradients (Adam(..., clip_norm=1.0)), or look at the data of this step.'
            )
        self.state = self.state._replace(sums=steps.zero_sums(self._metrics))
        n_steps = float(sums.pop('steps'))
        return {name: float(total) / n_steps for name, total in sums.items()}


def _peek(iterator):
    first = next(iterator)
    return first, itertools.chain([first], iterator)


def _n_categories(outputs, targets):
    """The number of categories, where outputs have one axis more than integer targets."""
    shape = getattr(outputs, 'shape', None)
    integers = np.issubdtype(np.asarray(targets).dtype, np.integer)
    return shape[-1] if shape and integers and len(shape) == np.ndim(targets) + 1 else None


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Holds Ctrl-C back for a block of code: between donation and result there is no state."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread gets KeyboardInterrupt
        return
    caught: list[Any] = []
    before = signal.signal(signal.SIGINT, lambda *received: caught.append(received))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught and callable(before):
        before(*caught[0])
