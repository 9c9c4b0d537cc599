"""The step of a model with all that it changes: what every training loop runs.

The host reads nothing from the device before it is asked to, so the device never waits for it.
"""

import collections
import contextlib
import signal
import threading
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ..combinators import as_key, signature, statistics
from ..layers.summary_scalar import summaries
from ..optimizers import averaged_weights
from . import step as steps
from .bad_step import Found, first_bad
from .checks import Checks
from .continuity import Continuity
from .devices import Devices
from .examples import Example
from .horizon import Horizon

NOT_FINITE = ('stop', 'skip')
# The batches of the newest steps are kept: one may have to be looked at.
KEPT = 100
KEPT_BYTES = 2**30  # the newest stays, whatever its size


class DivergedError(ValueError):
    """The loss, its gradient or the update of the weights became NaN or infinite.

    Attributes:
      step: the first that did, from 1.
      place: the first such value in it: 'the gradient of GRU#1.w1', ... None where all were finite
        as the step was made again, or its batch was there no more: of the steps since the last
        reading the newest 100 batches are kept, or fewer that have 1 GiB together.
    """

    def __init__(self, step: int, found: Found | None, more: str = ''):
        self.step, self.place = step, found and found.place
        first = f'{found.place} is {found.value}, the first of' if found else 'one of'
        super().__init__(
            f'step {step}: {first} its values that are not finite.{more} The weights are those '
            'before this step. Use a smaller learning rate, clip gradients (Adam(..., '
            'clip_norm=1.0)), look at the data of this step, or leave such steps out: '
            "not_finite='skip'."
        )


class Made(NamedTuple):
    """A step that was made."""

    step: int  # its number, from 0
    n_earlier: int  # how many windows before its own it goes back through
    example: Example  # its batch, with those windows
    n_bytes: int  # of its arrays


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
      not_finite: what a step does whose loss, gradient or update is not: 'stop' the training, or
        'skip' itself, as if it had not been, and be counted in the metric 'skipped'. With 'skip'
        the state at the last reading is kept too, to say where the first bad value came from.
      horizon: how many steps of a carried state a gradient goes back over, see horizon.py; None: to
        the beginning of its batch.

    Attributes:
      skipped: a DivergedError that was not raised, of the first step that skipped itself before
        the last reading.

    Raises:
      LayerError: the model does not fit the sample.
      ValueError: the devices are not there, or cannot have equally many rows; a horizon that does
        not fit the batches.
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
        not_finite: str = 'stop',
        horizon: int | None = None,
    ):
        if not_finite not in NOT_FINITE:
            raise ValueError(f'not_finite: expected one of {NOT_FINITE}, got {not_finite!r}')
        self.model, self._metrics, self._optimizer = model, dict(metrics or {}), optimizer
        self._loss = loss = steps.DEFAULT_LOSS if loss is None else loss
        self._skips = not_finite == 'skip'
        self.skipped: DivergedError | None = None
        self._newest: collections.deque[Made] = collections.deque()
        self._last_read: steps.TrainState | None = None  # with `skip`: before the steps since then
        inputs = signature(sample.inputs)
        if not jax.tree.leaves(model.weights):
            model.init(inputs, seed)
        self._view = model.as_mode('train').with_carry(carry)
        _, model_state = self._view.init(inputs, seed)
        self._batch_size = jax.tree.leaves(sample.inputs)[0].shape[0]
        self._devices = Devices(n_devices, self._batch_size)
        self._checks = Checks(self._view, model_state, sample, loss)
        self.state = self._placed(
            steps.new_train_state(model.weights, optimizer, model_state, as_key(seed), self._zeros)
        )
        self._places = self._devices.shardings(self.state)
        self._horizon = Horizon(horizon, sample.inputs, carry, self._skips)
        self._steps: dict[int, Any] = {}  # by the number of earlier windows that they go through
        self.step, self._continuity = 0, Continuity() if carry else None

    def resume(self, state: steps.TrainState) -> None:
        """Goes on from a state that was saved."""
        self.state, self.step = self._placed(state), int(state.step)
        self._forget()

    def take_over(self, other: 'Stepper') -> None:
        """Goes on from the weights, statistics and step of another stepper of the same model."""
        self.state = other.state._replace(
            optimizer_state=self.state.optimizer_state,
            model_state=self.model_state_after(other),
            sums=self.state.sums,
        )
        self.step = other.step
        self._forget()

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
        self._checks(example)
        inputs, n = self._horizon.take(example)
        if self._skips and not self._newest:
            self._last_read = jax.tree.map(jnp.copy, self.state)
        self._keep(n, example._replace(inputs=inputs))
        with uninterrupted():
            self.state = self._after(self._newest[-1], self.state)
            self.step += 1

    def _after(self, made: Made, state: steps.TrainState) -> steps.TrainState:
        """The state after a step."""
        if made.example.fresh:
            state = state._replace(model_state=self._begun(state))
        batch = made.example.inputs, made.example.compared
        return self._compiled(made.n_earlier)(state, *self._devices.share(batch))

    def _keep(self, n_earlier: int, example: Example) -> None:
        """Keeps the batch of a step, and lets go of the oldest that there is no room for."""
        arrays = jax.tree.leaves((example.inputs, example.compared))
        n_bytes = sum(getattr(array, 'nbytes', 0) for array in arrays)  # a number has none
        self._newest.append(Made(self.step, n_earlier, example, n_bytes))
        while len(self._newest) > 1 and (
            len(self._newest) > KEPT or sum(made.n_bytes for made in self._newest) > KEPT_BYTES
        ):
            self._newest.popleft()

    def remember(self, example: Example) -> None:
        """Takes note of a batch that was learned from, before going on from a saved state."""
        self._horizon.take(example)

    def _forget(self) -> None:
        """Lets go of the steps until now."""
        self._newest.clear()
        self._last_read = None

    def _compiled(self, n: int) -> Any:
        """The step that goes through n earlier windows too."""
        if n not in self._steps:
            view, metrics = self._horizon.model(self._view, n), tuple(self._metrics.items())
            choices = self._devices.n, self._skips, self._horizon.steps, n
            self._steps[n] = self._view.program(
                ('train step', self._optimizer, self._loss, metrics, *choices),
                lambda: steps.build_step(
                    view, self._optimizer, self._loss, self._metrics, self._places, self._skips
                ),
            )
        return self._steps[n]

    def read(self) -> dict[str, float]:
        """Returns the mean metrics of the steps since the last reading; waits for the device.

        Of SummaryScalar it is the number of the last step.

        Raises:
          DivergedError: a step was not finite, or, where such steps are left out, all of them. The
            state is that before this step.
        """
        told = self.state.sums, self.state.bad_step, summaries(self.state.model_state)
        sums, bad_step, shown = jax.device_get(told)
        n_steps, self.skipped = float(sums.pop('steps')), None
        if bad_step != steps.FINE:
            n_bad = int(sums.get(steps.SKIPPED, 0))
            more = f', like {n_bad - 1} after it' if n_bad > 1 else ''
            more = f' It was left out{more}.' if self._skips else ''
            error = DivergedError(int(bad_step) + 1, self._first_bad(int(bad_step)), more)
            if not self._skips or n_steps == 0:
                raise error
            self.skipped = error
        zeros = self._devices.repeat(self._zeros)
        fine = self._devices.repeat(jnp.full((), steps.FINE, jnp.int32))
        self.state = self.state._replace(sums=zeros, bad_step=fine)
        self._forget()
        last = {name: float(number) for name, number in shown.items()}
        if self._skips:
            last[steps.SKIPPED] = float(sums.pop(steps.SKIPPED))
        return {name: float(total) / n_steps for name, total in sums.items()} | last

    def _first_bad(self, bad_step: int) -> Found | None:
        """Makes a step again to find its first bad value; None if its batch was let go of.

        Where steps are left out, those before it are made again, for the weights that it had; if
        their batches are not all there, it gets the weights of now.
        """
        state, before = self.state, self._last_read
        replays = before is not None and before.step == self._newest[0].step
        if before is not None and replays:
            state, self._last_read = before, None  # the steps are given it for good
        for made in self._newest:
            if made.step == bad_step:
                parts = self._horizon.model(self._view, made.n_earlier), self._loss, self._optimizer
                return first_bad(*parts, state, made.step, made.example)
            if replays:
                state = self._after(made, state)
        return None

    @property
    def step_function(self) -> Any:
        """The compiled step, to look at: (state, inputs, compared) -> state."""
        return self._compiled(0)

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

    def _begun(self, state):
        """The initial state; but after a step that stopped the training, the state before it."""
        held, fine = state.model_state, state.bad_step == steps.FINE
        fresh = self._devices.share(self._view.new_state(self._batch_size, after=held))
        if self._skips:
            return fresh
        return jax.tree.map(lambda new, old: jnp.where(fine, new, old), fresh, held)

    @property
    def _zeros(self):
        return steps.zero_sums([*self._metrics, *([steps.SKIPPED] if self._skips else [])])

    def _placed(self, state):
        held = self._devices.share(state.model_state)
        return self._devices.repeat(state._replace(model_state=None))._replace(model_state=held)


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
