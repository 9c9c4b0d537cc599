"""From the directory of a run to the model that it trained."""

import os
from typing import Any, NamedTuple

from ..data import Vocabulary
from ..training import Experiment, Reporter, Result, RunDirectory
from ..training.run import load_weights
from ..training.run import train as train_run
from .gin_config import Config
from .operative import operative
from .sources import imports_allowed


class LoadedRun(NamedTuple):
    """What a run has learned so far."""

    model: Any  # with its newest weights
    vocabulary: Vocabulary
    metadata: dict[str, Any]  # corpus, seed, versions, device, step
    experiment: Experiment  # of the run; its model is the model


def of_run(run: RunDirectory) -> Config:
    """Returns the config that a run was made with."""
    return Config.parse(run.path.name, str(run.path / 'config.gin'), run.config())


def train(
    config: Config, directory: str | os.PathLike[str], reporter: Reporter | None = None
) -> Result:
    """Trains as a config says, in a run directory; goes on from its newest checkpoint.

    Args:
      config: what to train; its text is kept, and compared when going on.
      directory: of the run; made if it is not there.
      reporter: is told how it goes.

    Raises:
      Stopped, DivergedError, RunError, CheckpointError, OSError, ValueError: as `training.train`.
    """
    return train_run(
        config.experiment(),
        directory,
        config.text,
        reporter,
        config_name=config.name,
        operative_config=operative(config),
    )


def load(
    directory: str | os.PathLike[str], *, allow_imports: bool = False, best: bool = False
) -> tuple[Any, Vocabulary]:
    """Returns the model of a run with its newest weights, or its best, and its vocabulary.

        model, vocabulary = retrax.load('runs/gru_pydocs')
        ids = retrax.generate(model, vocabulary.encode('def '), max_new_tokens=100)

    Args:
      directory: of the run.
      allow_imports: whether its config may import modules, which runs the code of these.
      best: take the weights of the best evaluation.

    Raises:
      RunError, CheckpointError, ConfigError: as `load_run`.
    """
    loaded = load_run(directory, allow_imports=allow_imports, best=best)
    return loaded.model, loaded.vocabulary


def load_run(
    directory: str | os.PathLike[str], *, allow_imports: bool = False, best: bool = False
) -> LoadedRun:
    """Returns what `load` returns, the run's facts and the step of the weights.

    Args:
      directory: of the run.
      allow_imports: whether its config may import modules, which runs the code of these.
      best: take the weights of the best evaluation.

    Raises:
      RunError: there is no run, or no checkpoint in it, or one of another vocabulary.
      CheckpointError: the checkpoint is damaged, or of another model.
      ConfigError: the run's config.gin imports modules, which was not allowed, or it was changed
        into something else.
    """
    run = RunDirectory(directory)
    facts, vocabulary = run.facts(), run.vocabulary()
    with imports_allowed(allow_imports):
        experiment = of_run(run).experiment()
    step = load_weights(run, experiment, best)
    return LoadedRun(experiment.model, vocabulary, {**facts, 'step': step}, experiment)
