"""Several tasks train one model in turn: weights, statistics and the step are handed on."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ..optimizers import LeafwiseState
from .examples import as_example
from .loop_tasks import TrainTask
from .step import TrainState
from .stepper import Stepper


class Relay:
    """One stepper for each task, each with its own loss and optimizer.

    Args:
      model: what all of them train.
      tasks: at least one.
      seed: for new weights and for what is drawn while training.
      n_devices: how many share the rows of a batch.

    Attributes:
      current: the stepper that has the newest weights.
    """

    def __init__(self, model: Any, tasks: Sequence[TrainTask], seed: int, n_devices: int = 1):
        self._steppers = [_stepper(model, task, seed, n_devices) for task in tasks]
        self.current = self._steppers[0]

    def turn_to(self, index: int) -> Stepper:
        """Returns the stepper of a task, after giving it what the one before has learned."""
        stepper = self._steppers[index]
        if stepper is not self.current:
            stepper.take_over(self.current)
            self.current = stepper
        return stepper

    def set_learning_rate(self, rate: float) -> None:
        """Sets the rate of the current task's optimizer.

        Raises:
          ValueError: there is none in its state.
        """
        state = self.current.state
        try:
            changed = optax.tree_utils.tree_set(
                state.optimizer_state, learning_rate=jnp.float32(rate)
            )
        except KeyError:
            raise ValueError(
                'TrainTask(lr_schedule=...) needs an optimizer whose state has a learning rate: '
                'one of retrax.optimizers, or optax.inject_hyperparams(optax.adamw)(0.0)'
            ) from None
        self.current.state = state._replace(optimizer_state=changed)

    @property
    def learning_rate(self) -> float | None:
        """The rate in the state of the current task's optimizer, if there is one."""
        state = self.current.state.optimizer_state
        rate = optax.tree_utils.tree_get(state, 'learning_rate')
        return None if rate is None else float(rate)

    @property
    def index(self) -> int:
        """The number of the current task."""
        return self._steppers.index(self.current)

    @property
    def state(self) -> TrainState:
        """The state of the current stepper, with a tuple of all where each has its own."""
        return self.current.state._replace(
            optimizer_state=tuple(stepper.state.optimizer_state for stepper in self._steppers),
            model_state=tuple(
                stepper.model_state_after(self.current) for stepper in self._steppers
            ),
            sums=tuple(stepper.state.sums for stepper in self._steppers),
        )

    def resume(self, state: TrainState, index: int) -> None:
        """Goes on from such a state that was saved, and the number of its task."""
        own = zip(state.optimizer_state, state.model_state, state.sums, strict=True)
        for stepper, (optimizer_state, model_state, sums) in zip(self._steppers, own, strict=True):
            stepper.resume(
                state._replace(optimizer_state=optimizer_state, model_state=model_state, sums=sums)
            )
        self.current = self._steppers[index]


def _stepper(model, task, seed, n_devices):
    sample = as_example(task.sample_batch, model.n_in)
    more = seed, task.is_contiguous, n_devices
    made = Stepper(model, sample, task.optimizer, task.loss_layer, None, *more)
    counted = jax.tree.map(
        lambda node: node._replace(step=node.step + 1) if _is_ours(node) else node,
        made.state.optimizer_state,
        is_leaf=_is_ours,
    )  # Trax's loop counts its steps from 1, and its optimizers count on from there
    made.state = made.state._replace(optimizer_state=counted)
    return made


def _is_ours(node):
    return isinstance(node, LeafwiseState)
