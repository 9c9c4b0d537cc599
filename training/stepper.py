"""The step of a model with all that it changes: what every training loop runs.

The host reads nothing from the device before it is asked to, so the device never waits for it.
"""

import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import jax
import numpy as np
import optax

from ..combinators import as_key, signature, statistics
from ..optimizers import averaged_weights
from . import step as steps
from .continuity import Continuity
from .devices import Devices
from .examples import Example, check_categories


class DivergedError(ValueError):
    """The loss, its gradient or the update of the weights became NaN or infinite."""


class Stepper:
    """Trains a model step by step, on batches that it is given.

    The weights are copied once, here; the model gets them back by `sync`. Statistics, such as
    BatchNorm's, go on from step to step; a state that is carried does too.

    Args:
      model: any layer that maps inputs to outputs; its weights are made if it has none.
      sample: what the batches look like.
      optimizer: an optax transformation.
      loss: a layer that takes (outputs, targets, weights); CrossEntropyLoss by default.
      metrics: more such layers, by name.
      seed: for new weights and for what is drawn while training.
      carry: whether a batch goes on where the one before it ended.
      n_devices: how many share the rows of a batch, or 'all' that are there.

    Raises:
      LayerError: the model does not fit the sample.
      ValueError: the devices are not there, or cannot have equally many rows.
    """

    def __init__(
        self,
        model: Any,
        sample: Example,
        optimizer: optax.GradientTransformation,
        loss: Any = None,
        metrics: Mapping[str, Any] | None = None,
        seed: int = 0,
        carry: bool = False,
        n_devices: int | str = 1,
    ):
        self.model, self._metrics = model, dict(metrics or {})
        loss = steps.DEFAULT_LOSS if loss is None else loss
        inputs = signature(sample.inputs)
        if not jax.tree.leaves(model.weights):
            model.init(inputs, seed)
        self._view = model.as_mode('train').with_carry(carry)
        _, model_state = self._view.init(inputs, seed)
        self._batch_size = jax.tree.leaves(sample.inputs)[0].shape[0]
        self._devices = Devices(n_devices, self._batch_size)
        outputs = self._view.output_signature(inputs)
        self._n_categories = _n_categories(outputs, sample.compared[0])
        self.state = self._placed(
            steps.new_train_state(
                model.weights, optimizer, model_state, as_key(seed), self._metrics
            )
        )
        places = self._devices.shardings(self.state)
        self._step = self._view.program(
            ('train step', optimizer, loss, tuple(self._metrics.items()), self._devices.n),
            lambda: steps.build_step(self._view, optimizer, loss, self._metrics, places),
        )
        self.step, self._continuity = 0, Continuity() if carry else None

    def resume(self, state: steps.TrainState) -> None:
        """Goes on from a state that was saved."""
        self.state, self.step = self._placed(state), int(state.step)

    def take_over(self, other: 'Stepper') -> None:
        """Goes on from the weights, statistics and step of another stepper of the same model."""
        self.state = other.state._replace(
            optimizer_state=self.state.optimizer_state,
            model_state=self.model_state_after(other),
            sums=self.state.sums,
        )
        self.step = other.step

    def model_state_after(self, other: 'Stepper') -> Any:
        """Returns what is carried here, with the statistics of another stepper of the model."""
        theirs = statistics.taken(self.model, other.state.model_state)
        return statistics.put(self.model, self.state.model_state, theirs)

    def advance(self, example: Example) -> None:
        """Makes one step; does not wait for it.

        Raises:
          ValueError: the batch has ids that the model does not know, or state is carried and a row
            does not continue the row before it.
        """
        if self._continuity is not None:
            self._continuity.check(example)
        check_categories(example, self._n_categories)
        if example.fresh:
            self.state = self.state._replace(model_state=self._initial_state())
        with uninterrupted():
            self.state = self._step(self.state, *self._devices.share(example[:2]))
            self.step += 1

    def read(self) -> dict[str, float]:
        """Returns the mean metrics of the steps since the last reading; waits for the device.

        Raises:
          DivergedError: a step was not finite. The state is that before this step.
        """
        sums, bad_step = jax.device_get((self.state.sums, self.state.bad_step))
        if bad_step != steps.FINE:
            raise DivergedError(
                f'step {int(bad_step) + 1}: the loss, its gradient or the update became NaN or '
                'infinite. The weights are those before this step. Use a smaller learning rate, '
                'clip gradients (Adam(..., clip_norm=1.0)), or look at the data of this step.'
            )
        zeros = self._devices.repeat(steps.zero_sums(self._metrics))
        self.state = self.state._replace(sums=zeros)
        n_steps = float(sums.pop('steps'))
        return {name: float(total) / n_steps for name, total in sums.items()}

    @property
    def step_function(self) -> Any:
        """The compiled step, to look at: (state, inputs, compared) -> state."""
        return self._step

    @property
    def is_fine(self) -> bool:
        """Whether all steps so far had a finite loss; waits for the device."""
        return int(self.state.bad_step) == steps.FINE

    def sync(self) -> None:
        """Gives the model a copy of weights and statistics as they are now.

        Of weights it is their average, if the optimizer keeps one.
        """
        weights = averaged_weights(self.state.optimizer_state, self.state.weights)
        self.model.weights = self._devices.taken(weights)
        self.model.keep_statistics(self._devices.taken(self.state.model_state))

    def _initial_state(self):
        fresh = self._view.new_state(self._batch_size, after=self.state.model_state)
        return self._devices.share(fresh)

    def _placed(self, state):
        held = self._devices.share(state.model_state)
        return self._devices.repeat(state._replace(model_state=None))._replace(model_state=held)


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
