"""A run: train, evaluate and save in turn, in a directory from which it can go on."""

import contextlib
from collections.abc import Iterator
from typing import Any

from ..data import Vocabulary
from .evaluate import Evaluation
from .experiment import Experiment
from .patience import since_best
from .results import Result
from .run_directory import RunDirectory
from .run_facts import facts_of, told_otherwise, what_differs
from .run_files import RunError
from .run_lock import RunLock
from .stopping import Stopped, StopRequest, stop_requests
from .task import Material
from .trainer import Progress, Trainer


class Reporter:
    """Is told how a run goes; a subclass shows it. What it raises stops the run."""

    def notice(self, message: str) -> None:
        """Something is not as usual."""

    def begin(self, experiment: Experiment, material: Material, first_step: int) -> None:
        """Everything is ready, and `first_step` steps were made before."""

    def log(self, progress: Progress) -> None:
        """Some steps were made."""

    def evaluated(self, step: int, evaluation: Evaluation, model: Any) -> None:
        """The held-out text was evaluated; the model has the weights of this step."""


def train(
    experiment: Experiment,
    directory: Any,
    config: str = '',
    reporter: Reporter | None = None,
    *,
    config_name: str = '',
    operative_config: str = '',
) -> Result:
    """Trains as an experiment says, in a run directory; goes on from its newest checkpoint.

    A run that was interrupted and started again ends with the same weights, bit for bit, as one
    that was not. A finished run is left alone. The model has the last weights at the end.

    Args:
      experiment: what to train.
      directory: of the run; made if it is not there.
      config: the text from which the experiment was made; kept, and compared when going on. Where
        there is none, what run.json says of the experiment is compared.
      reporter: is told how it goes.
      config_name: of that text; kept.
      operative_config: the bindings that made the experiment, with their values; kept.

    Raises:
      Stopped: Ctrl-C or SIGTERM came; a checkpoint of that moment was saved.
      DivergedError: the loss became NaN or infinite; the last good checkpoint stays.
      RunError: the directory has another run, or other files, or another process trains in it, or
        it cannot be written to; what is learned from the same corpus are other tokens than before.
      CheckpointError: the checkpoint to go on from is damaged, or of another model.
      OSError, ValueError: the corpus cannot be read or is too short.
      ImportError: a library that the experiment needs is not installed.
    """
    reporter = reporter or Reporter()
    run, material = RunDirectory(directory), experiment.material()
    check_sizes(experiment, material.n_outputs)  # what cannot be trained leaves no directory
    facts = facts_of(experiment, material, config_name)
    if experiment.tensorboard:
        run.note_for_tensorboard()
    run.prepare()
    with _locked(run, reporter):
        if run.exists:
            run.check_config(config)
            if not config:  # which would say it all
                _check_told(run, facts)
            run.check_corpus(facts['corpus'])
            _check_vocabulary(run, material.vocabulary)
        else:
            run.create(config, facts, material.vocabulary, operative_config)
        result = run.result()
        if result is None:
            return _go_on(run, experiment, material, reporter)
        reporter.notice(f'{run} is finished; nothing is left to train. --fresh begins a new run.')
        load_weights(run, experiment)
        return result


def load_weights(run: RunDirectory, experiment: Experiment, best: bool = False) -> int:
    """Gives an experiment's model the newest weights of a run, or the best; returns their step.

    Raises:
      RunError: the run has no checkpoint yet, or one of another vocabulary.
      CheckpointError: the checkpoint is damaged, or of another model.
    """
    like = experiment.trainer(experiment.blank(), n_devices=1).state
    state = run.restore(experiment.model, like, best)
    if state is None:
        raise RunError(
            f'{run}: this run has no checkpoint yet. Go on with it: retrax train, with the same '
            'configuration'
        )
    return int(state.step)


def check_sizes(experiment: Experiment, n: int) -> None:
    """Raises ValueError unless the model tells apart as many things as there are in the data."""
    outputs, task = experiment.output_signature(), experiment.what
    if outputs.shape[-1] != n:
        axes, _, kind = task.outputs.rpartition(' ')
        kind = kind.rstrip(')')
        whose = (
            f"vocabulary '{experiment.vocabulary}' of this corpus"
            if kind == 'ids'
            else f"corpus '{experiment.corpus}'"
        )
        raise ValueError(
            f'The {whose} has {n} {kind}, so the model must give {axes} {n}); '
            f'{experiment.model.name} gives {tuple(outputs.shape)}. Set its {task.size} to {n}.'
        )


@contextlib.contextmanager
def _locked(run: RunDirectory, reporter: Reporter) -> Iterator[None]:
    """Keeps other processes out of a run, and says whose locks were found."""
    with run.writing():
        lock = RunLock(run.path).acquire()
    with lock:
        for process in lock.taken_from:
            whose = process or 'a process that wrote nothing into it'
            reporter.notice(f'Took over the lock of {whose}: it is dead.')
        yield


def _check_told(run: RunDirectory, facts: dict[str, Any]) -> None:
    """Raises RunError where a run's facts say that it trains something else."""
    if differences := told_otherwise(run.facts(), facts):
        raise RunError(
            f'{run}: this run trains another experiment: {"; ".join(differences)}. Give the same '
            'experiment, or choose another directory.'
        )


def _check_vocabulary(run: RunDirectory, learned: Vocabulary) -> None:
    """Raises RunError unless the ids of a run mean what they would mean now."""
    mine = run.vocabulary()
    if mine != learned:
        raise RunError(
            f'{run}: this run has a vocabulary of {mine.size} ids, {mine.fingerprint}; learned '
            f'again from the same corpus it has {learned.size} ids, {learned.fingerprint}, so ids '
            'mean something else. Install the versions of libraries that '
            f'{run.path / "run.json"} names, or begin a new run: --fresh'
        )


def _go_on(
    run: RunDirectory, experiment: Experiment, material: Material, reporter: Reporter
) -> Result:
    """Trains from the newest checkpoint, or from new weights, to the end of the run."""
    for difference in what_differs(run.facts(), experiment):
        reporter.notice(f'Since this run began: {difference}. It may not go on bit for bit.')
    trainer = experiment.trainer(material.training)
    if (state := run.restore(experiment.model, trainer.state)) is not None:
        trainer.resume(state)
    run.forget_after(trainer.step)
    for words in experiment.what.notices(material):
        reporter.notice(words)
    reporter.begin(experiment, material, trainer.step)
    try:
        with stop_requests() as stop:
            _train(trainer, experiment, material, run, reporter, stop)
    finally:
        run.settle()
    task = experiment.what
    result = task.result(trainer.step, run.metrics()[-1], task.baselines(material))
    run.finish(result)
    return result


def _train(
    trainer: Trainer,
    experiment: Experiment,
    material: Material,
    run: RunDirectory,
    reporter: Reporter,
    stop: StopRequest,
) -> None:
    """Makes all steps that are left; the last note is the evaluation of the last step."""
    task = experiment.what
    name = f'heldout_{task.figure}'
    try:
        while not _is_over(trainer, experiment, run):
            pause = trainer.step - trainer.step % experiment.eval_every + experiment.eval_every
            pause = min(pause, experiment.steps)
            for progress in trainer.run(pause, experiment.log_every, stop):
                run.note(step=progress.step, **progress.metrics)
                run.note_speed(step=progress.step, **_speed(experiment, progress))
                reporter.log(progress)
                if trainer.skipped is not None:
                    reporter.notice(f'Went on after: {trainer.skipped}')
            if trainer.step < pause:
                break
            trainer.sync()
            evaluation = task.evaluate(experiment.model, material)
            more = task.more_figures(evaluation, material)
            figures = {f'heldout_{other}': value for other, value in more.items()}
            run.note(step=trainer.step, **{name: task.figure_of(evaluation)}, **figures)
            is_best = since_best(run.figures(name), task.lower_is_better) == 0
            run.save(experiment.model, trainer.state, material.vocabulary, is_best)
            reporter.evaluated(trainer.step, evaluation, experiment.model)
    except Stopped:
        raise  # the second signal: a step may be half done
    except KeyboardInterrupt:  # from the reporter
        _save_at_stop(trainer, experiment, material, run)
        raise
    if not _is_over(trainer, experiment, run):
        _save_at_stop(trainer, experiment, material, run)
        stop.obey()
    if trainer.step < experiment.steps:
        reporter.notice(
            f'Ended at step {trainer.step:,} of {experiment.steps:,}: {experiment.patience} '
            'evaluations in a row were no better than the best before them, whose weights are in '
            f'{run}/checkpoints/best.'
        )


def _speed(experiment, progress):
    rate, left = progress.tokens_per_second, experiment.seconds_left(progress)
    return {f'{experiment.what.unit}_per_second': rate, 'seconds_left': left}


def _is_over(trainer, experiment, run):
    """Whether all steps were made, or patience has ended; the same where a run goes on."""
    if trainer.step >= experiment.steps or experiment.patience is None:
        return trainer.step >= experiment.steps
    task = experiment.what
    figures = run.figures(f'heldout_{task.figure}')
    return bool(figures) and since_best(figures, task.lower_is_better) >= experiment.patience


def _save_at_stop(trainer, experiment, material, run):
    skips = experiment.not_finite == 'skip'  # a step that was left out has changed nothing
    if trainer.step and (skips or trainer.is_fine):
        trainer.sync()
        run.save(experiment.model, trainer.state, material.vocabulary)
