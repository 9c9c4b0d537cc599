"""Trax's training loop: several tasks, evaluations and checkpoints at steps of the user's choice.

The steps are those of `Stepper`, as in `fit` and `retrax train`, and so are the checkpoints.
"""

import json
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax

from .. import checkpoints
from . import run_checkpoints
from . import step as steps
from .callbacks import TrainingStepCallback
from .evaluate import measure_batches
from .event_file import EventFile, can_write
from .examples import as_example
from .history import LoopHistory
from .loop_tasks import EvalTask, TrainTask
from .relay import Relay

At = Callable[[int], bool]


class Loop:
    """Trains a model on tasks; goes on by itself from what it finds in its output directory.

    The model has its new weights whenever it is asked for, and after `run`, Ctrl-C included.

    Args:
      model: what is trained; initialised if it was not.
      tasks: one TrainTask, or several, which change with the steps.
      eval_model: what is evaluated, with the weights of the model; the model by default. Either is
        evaluated in 'eval' mode.
      eval_tasks: one EvalTask, or several.
      output_dir: where checkpoints are; made if it is not there. If it has a checkpoint `model`,
        the Loop goes on from it. Where tensorboardX is installed, what the history gets is written
        for TensorBoard too, into its folders `train` and `eval`.
      checkpoint_at: from a step (the first is 1) to whether `model` is saved after it, with what
        was printed and evaluated at it; at 1 and every n-th by default, with the n of the first
        task.
      checkpoint_low_metric: the name of a metric; `lowest_NAME` is saved beside `model` where it
        was evaluated at this step and is as low as never before. NaN is never a record.
      checkpoint_high_metric: the same for `highest_NAME`.
      permanent_checkpoint_at: whether `model_STEP` is saved.
      eval_at: whether losses are printed and the eval tasks run; as checkpoint_at by default.
      which_task: from a step to the number of its task; one after another by default.
      n_devices: how many devices share the rows of a batch; 1 by default.
      random_seed: for new weights and for what is drawn while training; 0 by default.
      callbacks: classes of TrainingStepCallback.

    Raises:
      LayerError: the model does not fit the tasks.
      CheckpointError: the checkpoint in output_dir is damaged, or of another model.
      ValueError: there are no tasks, fewer devices, rows that they cannot share evenly, or a metric
        for records that no eval task has, or two have.
    """

    def __init__(
        self,
        model: Any,
        tasks: TrainTask | Sequence[TrainTask],
        eval_model: Any = None,
        eval_tasks: EvalTask | Sequence[EvalTask] | None = None,
        output_dir: str | os.PathLike[str] | None = None,
        checkpoint_at: At | None = None,
        checkpoint_low_metric: str | None = None,
        checkpoint_high_metric: str | None = None,
        permanent_checkpoint_at: At | None = None,
        eval_at: At | None = None,
        which_task: Callable[[int], int] | None = None,
        n_devices: int | None = None,
        random_seed: int | None = None,
        callbacks: Sequence[type[TrainingStepCallback]] | None = None,
    ):
        self.tasks: list[TrainTask] = _listed(tasks)
        self.eval_tasks: list[EvalTask] = _listed(eval_tasks)
        self._metric_names = [name for task in self.eval_tasks for name in task.metric_names]
        self._extremes = [('lowest', checkpoint_low_metric, min)]
        self._extremes += [('highest', checkpoint_high_metric, max)]
        self._check()
        first = self.tasks[0]
        periodic = _at_1_and_every(first.n_steps_per_checkpoint)
        permanent = _at_1_and_every(first.n_steps_per_permanent_checkpoint)
        self._checkpoint_at, self._eval_at = checkpoint_at or periodic, eval_at or periodic
        self._permanent_checkpoint_at = permanent_checkpoint_at or permanent
        self._which_task = which_task or (lambda step: step % len(self.tasks))
        self._model, self._eval_model = model, eval_model or model
        self.history, self.n_devices = LoopHistory(), n_devices or 1
        self._relay = Relay(model, self.tasks, random_seed or 0, self.n_devices)
        self._is_synced = True
        self._events: dict[str, EventFile] = {}  # by mode
        self.output_dir = None if output_dir is None else Path(output_dir).expanduser()
        if self.output_dir is not None:
            self.output_dir.mkdir(parents=True, exist_ok=True)
            self.load_checkpoint()
        self._logged = (self.step, time.perf_counter())
        self._callbacks = [callback(self) for callback in callbacks or ()]

    # What people look at.

    @property
    def step(self) -> int:
        """How many steps were made."""
        return self._relay.current.step

    @property
    def model(self) -> Any:
        """The model, with the newest weights."""
        self._sync()
        return self._model

    @property
    def eval_model(self) -> Any:
        """The model that is evaluated, with the newest weights."""
        self._sync()
        return self._eval_model

    # Running.

    def run(self, n_steps: int = 1) -> None:
        """Makes n more steps, with the evaluations and checkpoints between them.

        Raises:
          DivergedError: a step was not finite; noticed where the loss is printed, or saved.
        """
        self._logged, self._events = (self.step, time.perf_counter()), {}  # files of its own
        try:
            for _ in range(n_steps):
                self._run_one_step()
        finally:
            self._sync()

    def _run_one_step(self):
        step = self.step + 1
        index = self._which_task(step)
        task, stepper = self.tasks[index], self._relay.turn_to(index)
        due = [callback for callback in self._callbacks if callback.call_at(step)]
        for callback in due:
            callback.on_step_begin(step)
        rate = task.learning_rate(step)
        if rate is not None:
            self._relay.set_learning_rate(rate)
        example = as_example(task.next_batch(), self._model.n_in)
        self._is_synced = False
        stepper.advance(example)
        for callback in due:
            callback.on_step_end(step)
        if self._eval_at(step):
            self._log_training(task)
            self.run_evals()
        if self._permanent_checkpoint_at(step):
            self.save_checkpoint(f'model_{step}')
        if self._checkpoint_at(step):
            self._save_extremes()
            self.save_checkpoint('model')  # last: a Loop that goes on from it finds the others

    def run_evals(self) -> None:
        """Evaluates the model on all eval tasks, prints the metrics, and keeps them."""
        self._sync()
        for task in self.eval_tasks:
            batches = (task.next_batch() for _ in range(task.n_eval_batches))
            measured = dict(zip(task.metric_names, task.metrics, strict=True))
            parts = measure_batches(self._eval_model, batches, measured, task.is_contiguous)
            for name in task.metric_names:
                self._note('eval', name, sum(part[name] for part in parts) / len(parts))

    # What is printed and kept.

    def _log_training(self, task):
        before, started = self._logged
        n_steps, seconds = self.step - before, time.perf_counter() - started
        metrics, weights = self._relay.current.read(), self._relay.current.state.weights
        self._print('')
        if self.step == 1:
            size = sum(w.size for w in jax.tree.leaves(weights))
            self._print_step(f'Total number of trainable weights: {size}')
        self._print_step(f'Ran {n_steps} train steps in {seconds:0.2f} secs')
        self._note('train', task.loss_name, metrics['loss'])
        facts = {
            'steps per second': n_steps / seconds,
            'gradients_l2': metrics['gradient_norm'],
            'loss': metrics['loss'],
            'weights_l2': float(steps.global_norm(weights)),
        }
        if (rate := self._relay.learning_rate) is not None:
            facts['learning_rate'] = rate
        shown = {name: value for name, value in metrics.items() if name.startswith('summary_')}
        self._keep('train', {f'training/{name}': value for name, value in facts.items()} | shown)
        self._logged = (self.step, time.perf_counter())

    def _note(self, mode, name, value):
        width = max(map(len, [task.loss_name for task in self.tasks] + self._metric_names))
        self._print_step(f'{mode:5} {name.rjust(width)} | {value: .8f}')
        self._keep(mode, {f'metrics/{name}': value})

    def _keep(self, mode, values):
        for name, value in values.items():
            self.history.append(mode, name, self.step, value)
        if self.output_dir is None or not can_write():
            return
        if mode not in self._events:
            self._events[mode] = EventFile(self.output_dir / mode)
        self._events[mode].note(self.step, values)

    def _print_step(self, text):
        self._print(f'Step {self.step: 6d}: {text}')

    def _print(self, text):
        sys.stdout.write(f'{text}\n')
        sys.stdout.flush()

    # Checkpoints.

    def save_checkpoint(self, basename: str) -> None:
        """Saves all that a step changes as `output_dir/basename`; nothing without an output_dir.

        Raises:
          DivergedError: a step was not finite, so that what was saved before is better.
        """
        if self.output_dir is None:
            return
        self._sync()
        if not self._relay.current.is_fine:
            self._relay.current.read()  # says why
        facts = {
            'step': self.step,
            'task': self._relay.index,
            'batches_taken': [task.n_taken for task in (*self.tasks, *self.eval_tasks)],
            'places': [task.place for task in (*self.tasks, *self.eval_tasks)],
            'history': json.dumps(self.history.to_dict()),  # may hold NaN
        }
        tree = run_checkpoints.tree_of(self._model, self._relay.state)
        checkpoints.save(self.output_dir / basename, tree, facts)

    def load_checkpoint(
        self, directory: str | os.PathLike[str] | None = None, filename: str | None = None
    ) -> None:
        """Goes on from a checkpoint; without arguments from `model` in output_dir, if it is there.

        Args:
          directory: where it is; output_dir by default.
          filename: its name, `model` by default.

        Raises:
          CheckpointError: it is damaged, or of another model; one was named and is not there.
        """
        folder = self.output_dir if directory is None else Path(directory).expanduser()
        if folder is None:
            if filename is None:
                return
            raise checkpoints.CheckpointError(
                f'load_checkpoint({filename=}): expected a directory too, because this Loop has no '
                'output_dir, got none.'
            )
        path = folder / (filename or 'model')
        if directory is None and filename is None and not checkpoints.exists(path):
            return
        self._sync()
        like = run_checkpoints.tree_of(self._model, self._relay.state)
        tree, facts = checkpoints.restore(path, like)
        state = steps.TrainState(**tree)
        alone = state._replace(optimizer_state=(), model_state=state.model_state[facts['task']])
        weights = run_checkpoints.given_to(self._model, alone).weights
        self._relay.resume(state._replace(weights=weights), facts['task'])
        self.history = LoopHistory.from_dict(json.loads(facts['history']))
        tasks = *self.tasks, *self.eval_tasks
        places = facts.get('places', [None] * len(tasks))  # there are none in older checkpoints
        taken = zip(facts['batches_taken'], places, strict=False)
        for task, (n, place) in zip(tasks, taken, strict=False):  # evals may be new
            task.start_at(n, place)
        self._is_synced = False

    def _save_extremes(self):
        for word, metric, best in self._extremes:
            found = self.history.get('eval', f'metrics/{metric}')
            values = [value for _, value in found if not math.isnan(value)]
            if values and found[-1] == (self.step, best(values)):
                self.save_checkpoint(f'{word}_{metric}')

    # Within.

    def _sync(self):
        if self._is_synced:
            return
        self._relay.current.sync()
        if self._eval_model is not self._model:
            self._eval_model.weights = self._model.weights
            self._eval_model.keep_statistics(self._relay.current.state.model_state)
        self._is_synced = True

    def _check(self):
        if not self.tasks:
            raise ValueError('Loop must be given at least one training task.')
        for word, metric, _ in self._extremes:
            if metric is None:
                continue
            if metric not in self._metric_names:
                raise ValueError(
                    f'Loop cannot save the {word} {metric!r}: the metrics of its eval tasks are '
                    f'{self._metric_names}'
                )
            if self._metric_names.count(metric) > 1:
                raise ValueError(
                    f'Loop cannot save the {word} {metric!r}: more than one metric of its eval '
                    f'tasks has this name, {self._metric_names}. Name them apart: '
                    'EvalTask(..., metric_names=[...])'
                )


def _listed(tasks: Any) -> list[Any]:
    if tasks is None:
        return []
    return list(tasks) if isinstance(tasks, list | tuple) else [tasks]


def _at_1_and_every(n):
    return lambda step: n is not None and (step == 1 or step % n == 0)
