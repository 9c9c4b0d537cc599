"""The directory of one run: what it was told, what it has learned, how it went.

config.gin        the configuration as it was resolved
run.json          corpus, its hash and length, seed, versions, device
vocabulary.json   what ids mean
metrics.jsonl     one line per log point and per evaluation
checkpoints/      step-00000250, ...: weights by path, optimizer, model state, key, step
result.json       there when the run has finished
"""

import dataclasses
import difflib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from .. import checkpoints
from ..data import Vocabulary, vocabulary_from_json
from .step import TrainState

FORMAT = 'retrax run'
VERSION = 1
KEPT = 2  # checkpoints: the newest, and one to go back to if a disk damages it


class RunError(ValueError):
    """A run directory that cannot be used as asked."""


@dataclasses.dataclass
class Result:
    """How a run ended."""

    steps: int
    bits_per_character: float  # of the held-out text
    baseline_bits_per_character: float  # of the baseline that counts
    baseline: str


class RunDirectory:
    """Reads and writes the files of a run; makes nothing before `create`."""

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)

    def __str__(self):
        return str(self.path)

    @property
    def exists(self) -> bool:
        """Whether there is a run here."""
        return (self.path / 'run.json').is_file()

    @property
    def newest(self) -> Path | None:
        """The newest whole checkpoint."""
        return checkpoints.latest(self.path / 'checkpoints')

    def create(self, config: str, facts: dict[str, Any], vocabulary: Vocabulary) -> None:
        """Makes the directory and writes what does not change during the run.

        Raises:
          RunError: there are other files.
        """
        if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
            raise RunError(
                f'{self.path}: expected a run, or nothing yet, but it has other files. '
                'Choose another directory: --out DIR'
            )
        self.path.mkdir(parents=True, exist_ok=True)
        self._write('config.gin', config)
        self._write_json('vocabulary.json', vocabulary.to_json())
        self._write_json('run.json', {'format': FORMAT, 'version': VERSION, **facts})

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
                + '\nChoose another directory (--out DIR), or give the same configuration.'
            )

    def check_corpus(self, corpus: dict[str, Any]) -> None:
        """Raises RunError unless this run learns from the same corpus."""
        mine = self.facts()['corpus']
        if mine['sha256'] != corpus['sha256']:
            raise RunError(
                f'{self.path}: this run learns from a corpus {mine["name"]} of '
                f'{mine["n_characters"]} characters, sha256 {mine["sha256"][:16]}; it is now '
                f'{corpus["n_characters"]} characters, sha256 {corpus["sha256"][:16]}. (The '
                'documentation differs between Python versions.) Bring the corpus back, or choose '
                'another directory: --out DIR'
            )

    def config(self) -> str:
        """Returns the configuration that the run was made with."""
        return self._read('config.gin')

    def facts(self) -> dict[str, Any]:
        """Returns what run.json says."""
        facts = self._read_json('run.json')
        if facts.get('format') != FORMAT or facts.get('version') != VERSION:
            raise RunError(
                f'{self.path / "run.json"}: expected "format": "{FORMAT}", version {VERSION}, got '
                f'{facts.get("format")!r}, version {facts.get("version")!r}'
            )
        return facts

    def vocabulary(self) -> Vocabulary:
        """Returns the vocabulary of the run."""
        described = self._read_json('vocabulary.json')
        try:
            return vocabulary_from_json(described)
        except ValueError as error:
            raise RunError(f'{self.path / "vocabulary.json"}: {error}') from error

    def result(self) -> Result | None:
        """Returns how the run ended, or None if it has not."""
        if not (self.path / 'result.json').is_file():
            return None
        return Result(**self._read_json('result.json'))

    def finish(self, result: Result) -> None:
        """Notes that the run has ended."""
        self._write_json('result.json', dataclasses.asdict(result))

    # Metrics.

    def note(self, **metrics: Any) -> None:
        """Adds a line to metrics.jsonl."""
        with (self.path / 'metrics.jsonl').open('a', encoding='utf-8') as file:
            file.write(json.dumps(metrics) + '\n')

    def metrics(self) -> list[dict[str, Any]]:
        """Returns the lines of metrics.jsonl; a last one that was cut is left out."""
        file = self.path / 'metrics.jsonl'
        lines = file.read_text(encoding='utf-8').split('\n')[:-1] if file.is_file() else []
        return [json.loads(line) for line in lines]

    def forget_after(self, step: int) -> None:
        """Drops the metrics of steps that will be made again."""
        kept = [json.dumps(line) + '\n' for line in self.metrics() if line['step'] <= step]
        self._write('metrics.jsonl', ''.join(kept))

    # Checkpoints.

    def save(self, model: Any, state: TrainState, vocabulary: Vocabulary) -> Path:
        """Saves a checkpoint; `model` has the weights of `state`. Older ones are deleted."""
        folder = self.path / 'checkpoints'
        step = int(state.step)
        path = checkpoints.step_path(folder, step)
        metadata = {'step': step, 'vocabulary': vocabulary.fingerprint}
        checkpoints.save(path, _tree(model, state), metadata)
        found = sorted(entry for entry in folder.glob('step-*') if entry.is_dir())
        for old in found[:-KEPT]:
            shutil.rmtree(old)
        return path

    def restore(self, model: Any, like: TrainState) -> TrainState | None:
        """Gives the model the newest checkpoint's weights; returns the state to go on from.

        Raises:
          CheckpointError: it is damaged, or of another model.
          RunError: it was made with another vocabulary.
        """
        path = self.newest
        if path is None:
            return None
        tree, metadata = checkpoints.restore(path, _tree(model, like))
        self._check_vocabulary(path, metadata)
        model.set_named_weights(tree.pop('weights'))
        weights = jax.tree.map(jnp.copy, model.weights)
        return TrainState(weights=weights, **tree)

    def _check_vocabulary(self, path, metadata):
        mine, theirs = self.vocabulary().fingerprint, metadata.get('vocabulary')
        if mine != theirs:
            raise RunError(
                f'{path}: this checkpoint was made with the vocabulary {theirs}, but '
                f'{self.path / "vocabulary.json"} has the vocabulary {mine}, so its ids mean '
                'something else. Put the vocabulary.json back that belongs to the run.'
            )

    # Files.

    def _read(self, name):
        file = self.path / name
        try:
            return file.read_text(encoding='utf-8')
        except (FileNotFoundError, NotADirectoryError):
            raise RunError(
                f"{self.path}: expected a run, a directory that 'retrax train' made, but it has "
                f'no {name}'
            ) from None
        except UnicodeDecodeError as error:
            raise RunError(f'{file}: expected UTF-8 text; the file is damaged: {error}') from error

    def _read_json(self, name):
        text = self._read(name)
        try:
            found = json.loads(text)
        except ValueError as error:
            raise RunError(
                f'{self.path / name}: expected JSON, the file is damaged: {error}'
            ) from error
        if not isinstance(found, dict):
            raise RunError(f'{self.path / name}: expected a JSON object, got {found!r}')
        return found

    def _write(self, name, text):
        """Under another name first, so that the file is never half there."""
        file = self.path / name
        beside = file.with_name(f'.{name}.new')
        with beside.open('w', encoding='utf-8') as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(beside, file)

    def _write_json(self, name, value):
        self._write(name, json.dumps(value, indent=1, ensure_ascii=False) + '\n')


def _tree(model, state):
    fields = state._asdict()
    return {**fields, 'weights': model.named_weights()}
