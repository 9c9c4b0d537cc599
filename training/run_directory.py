"""The directory of one run: what it was told, what it has learned, how it went.

config.gin            the configuration as it was resolved
operative_config.gin  the bindings that were used, with their values
vocabulary.json       what ids mean
run.json              corpus, its hash and length, seed, versions, device; written last of these
metrics.jsonl         one line per log point and per evaluation
speed.jsonl           how fast it went, one line per log point; differs from run to run
tensorboard/          both for TensorBoard, where train.tensorboard is true
checkpoints/          step-00000250, ...: weights by path, optimizer, model state, key, step; best
result.json           there when the run has finished
lock-1                there while a process trains
"""

import difflib
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import jax
import numpy as np

from .. import checkpoints
from ..data import Vocabulary, vocabulary_from_json
from . import run_checkpoints
from .background import Background
from .event_file import EventFile
from .results import Result, result_of
from .run_files import RunError, check_version, gone, read_json, read_text, write_json, write_text
from .run_files import writing as told_for
from .run_lock import is_lock
from .run_metrics import MetricsFile
from .step import TrainState

FORMAT = 'retrax run'
VERSION = 1
VOCABULARY_FORMAT = 'retrax vocabulary'


class RunDirectory:
    """Reads and writes the files of a run; makes nothing before `create`."""

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        self._checkpoints = self.path / 'checkpoints'
        self._metrics = MetricsFile(self.path / 'metrics.jsonl')
        self._speed = MetricsFile(self.path / 'speed.jsonl')
        self._events: EventFile | None = None
        self._writer = Background()

    def __str__(self):
        return str(self.path)

    @property
    def exists(self) -> bool:
        """Whether there is a run here."""
        return (self.path / 'run.json').is_file()

    @property
    def newest(self) -> Path | None:
        """The newest whole checkpoint."""
        return checkpoints.latest(self._checkpoints)

    def prepare(self) -> None:
        """Makes the directory, so that it can be locked; what a killed `create` left may be there.

        Raises:
          RunError: there are other files, or it cannot be made.
        """
        ours = ('config.gin', 'operative_config.gin', 'vocabulary.json', 'run.json')
        with self.writing():
            if not self.exists and (self.path.exists() or self.path.is_symlink()):
                left = {*ours, *(f'.{name}.new' for name in ours)}
                if not self.path.is_dir() or any(
                    file.name not in left and not is_lock(file) for file in self.path.iterdir()
                ):
                    raise RunError(
                        f'{self.path}: expected a run, or nothing yet, but it has other files. '
                        'Choose another directory: --out DIR'
                    )
            self.path.mkdir(parents=True, exist_ok=True)

    def create(
        self,
        config: str,
        facts: dict[str, Any],
        vocabulary: Vocabulary,
        operative_config: str = '',
    ) -> None:
        """Writes what does not change during the run; the last file makes it a run.

        Raises:
          RunError: there are other files, or the config.gin of something else.
        """
        self.prepare()
        if (self.path / 'config.gin').exists():  # of a killed `create`, or a user's own
            self.check_config(config)
        described = {'format': VOCABULARY_FORMAT, 'version': VERSION, **vocabulary.to_json()}
        with self.writing():
            write_text(self.path / 'config.gin', config)
            write_text(self.path / 'operative_config.gin', operative_config)
            write_json(self.path / 'vocabulary.json', described)
            write_json(self.path / 'run.json', {'format': FORMAT, 'version': VERSION, **facts})

    def check_config(self, config: str) -> None:
        """Raises RunError, with the difference, unless this run was told the same."""
        before = self.config()
        if before != config:
            lines = difflib.unified_diff(
                before.splitlines(), config.splitlines(), 'this run', 'asked for', lineterm='', n=0
            )
            raise RunError(
                f'{self.path}: this run was made with another configuration:\n  '
                + '\n  '.join(lines)
                + '\nGive the same configuration, begin a new run beside this one (--fresh), or '
                'choose another directory (--out DIR).'
            )

    def check_corpus(self, corpus: dict[str, Any]) -> None:
        """Raises RunError unless this run learns from the same corpus."""
        mine = self.facts()['corpus']
        if mine['sha256'] != corpus['sha256']:
            own = ' (The documentation differs between Python versions.)'
            raise RunError(
                f'{self.path}: this run learns from a corpus {mine["name"]} of '
                f'{mine["n_characters"]} characters, sha256 {mine["sha256"][:16]}; it is now '
                f'{corpus["n_characters"]} characters, sha256 {corpus["sha256"][:16]}.'
                f'{own if mine["name"] == "python_docs" else ""} Bring the corpus back, or begin '
                'a new run: --fresh'
            )

    def config(self) -> str:
        """Returns the configuration that the run was made with."""
        return read_text(self.path / 'config.gin')

    def facts(self) -> dict[str, Any]:
        """Returns what run.json says."""
        facts = read_json(self.path / 'run.json')
        check_version(self.path / 'run.json', facts, FORMAT, VERSION)
        return facts

    def vocabulary(self) -> Vocabulary:
        """Returns the vocabulary of the run."""
        file = self.path / 'vocabulary.json'
        described = read_json(file)
        if 'format' in described:  # retrax 0.1 wrote none
            check_version(file, described, VOCABULARY_FORMAT, VERSION)
        entries = {k: v for k, v in described.items() if k not in ('format', 'version')}
        try:
            return vocabulary_from_json(entries)
        except ValueError as error:
            raise RunError(f'{file}: {error}') from error

    def result(self) -> Result | None:
        """Returns how the run ended, or None if it has not."""
        file = self.path / 'result.json'
        if not file.is_file():
            return None
        found = read_json(file)
        try:
            return result_of(found)
        except TypeError as error:
            raise RunError(f'{file}: expected how a run ended, got {sorted(found)}') from error

    def finish(self, result: Result) -> None:
        """Notes that the run has ended."""
        with self.writing():
            write_json(self.path / 'result.json', vars(result))

    # Metrics.

    def note(self, **metrics: Any) -> None:
        """Adds a line to metrics.jsonl; `forget_after` comes once before."""
        self._note(self._metrics, metrics)

    def note_speed(self, **speed: Any) -> None:
        """Adds a line to speed.jsonl; `forget_after` comes once before."""
        self._note(self._speed, speed)

    def note_for_tensorboard(self) -> None:
        """Lets all that is noted from now on be events for TensorBoard too.

        Raises:
          MissingLibraryError: tensorboardX is not installed.
        """
        self._events = EventFile(self.path / 'tensorboard')

    def _note(self, file, line):
        with self.writing():
            file.note(line)
            if self._events is not None:
                numbers = {name: value for name, value in line.items() if name != 'step'}
                self._events.note(line['step'], numbers)

    def metrics(self) -> list[dict[str, Any]]:
        """Returns the lines of metrics.jsonl; a last one that was cut is left out."""
        return self._metrics.read()

    def figures(self, name: str) -> list[float]:
        """Returns the values of a metric, in the order of time."""
        return [line[name] for line in self.metrics() if name in line]

    def forget_after(self, step: int) -> None:
        """Drops the metrics of steps that will be made again, and what is left of killed writes."""
        with self.writing():
            run_checkpoints.tidy(self._checkpoints)
            self._metrics.forget_after(step)
            self._speed.forget_after(step)

    # Checkpoints.

    def save(
        self, model: Any, state: TrainState, vocabulary: Vocabulary, is_best: bool = False
    ) -> None:
        """Copies a state, and saves it as a checkpoint in the background; see `settle`.

        Args:
          model: names the weights.
          state: what is saved.
          vocabulary: that its ids belong to.
          is_best: whether it stays as the best one too.

        Raises:
          RunError, CheckpointError: the one before it could not be saved.
        """
        # On a CPU a host array may be the device's own memory, which the next step takes over.
        tree = jax.tree.map(np.array, run_checkpoints.tree_of(model, state))
        self._writer.start(lambda: self._save(tree, vocabulary.fingerprint, is_best))

    def settle(self) -> None:
        """Waits until what was saved is on the disk.

        Raises:
          RunError, CheckpointError: it could not be saved.
        """
        self._writer.wait()

    def _save(self, tree, vocabulary, is_best):
        with self.writing():
            if not self.exists:  # saving would make half a run in its place
                raise RunError(gone(self.path))
            self._metrics.sync()  # lines that a checkpoint stands on must not be lost before it
            run_checkpoints.save(self._checkpoints, tree, vocabulary, is_best)

    def restore(self, model: Any, like: TrainState, best: bool = False) -> TrainState | None:
        """Gives the model a checkpoint's weights; returns the state to go on from.

        Args:
          model: whose weights they are.
          like: a state of the same structure.
          best: the checkpoint of the best evaluation, instead of the newest.

        Raises:
          CheckpointError: it is damaged, or of another model.
          RunError: it was made with another vocabulary.
        """
        path = self._checkpoints / run_checkpoints.BEST if best else self.newest
        if path is None or not checkpoints.exists(path):
            return None
        state, theirs = run_checkpoints.restore(path, model, like)
        if theirs != (mine := self.vocabulary().fingerprint):
            raise RunError(
                f'{path}: this checkpoint was made with the vocabulary {theirs}, but '
                f'{self.path / "vocabulary.json"} has the vocabulary {mine}, so its ids mean '
                'something else. Put the vocabulary.json back that belongs to the run.'
            )
        return run_checkpoints.given_to(model, state)

    def writing(self) -> AbstractContextManager[None]:
        """Says what it means for this run where the file system refuses."""
        return told_for(self.path, lambda: self.newest)
