"""The runs of a folder: how far each is, and in which state."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..checkpoints import CheckpointError, read_metadata
from .run_directory import RunDirectory
from .run_files import RunError
from .run_lock import holder, is_lock

_SIGNS = ('run.json', 'config.gin', 'checkpoints', 'metrics.jsonl')


class RunStatus(NamedTuple):
    """What a listing says of a run; a figure is None where there is none yet."""

    path: Path
    state: str  # 'running', 'finished', 'interrupted' or 'damaged'
    config: str = ''  # the name of its config
    step: int = 0  # of the newest line of metrics, or the newest checkpoint
    steps: int = 0  # asked for
    loss: float | None = None  # the last one, in nats
    heldout: float | None = None  # the last one, in bits per character
    accuracy: float | None = None  # the last share of labels, or of targets, that was right
    seconds: float = 0.0  # since it was last written to
    problem: str = ''  # why it is damaged


def list_runs(folder: Path) -> list[RunStatus]:
    """Returns the runs directly in a folder, by name; or the folder itself where it is a run.

    Raises:
      RunError: there is no such folder.
    """
    if not folder.is_dir():
        raise RunError(f'{folder}: expected a folder with runs, there is none')
    if _is_run(folder):
        return [status(folder)]
    return [status(path) for path in sorted(folder.iterdir()) if path.is_dir() and _is_run(path)]


def status(path: Path) -> RunStatus:
    """Returns the state of a run; damage is an answer, not an error."""
    run = RunDirectory(path)
    running = holder(path) is not None
    seconds = max(0.0, time.time() - _changed(path))
    if not run.exists and run.newest is None:  # it has not begun
        return RunStatus(path, 'running' if running else 'interrupted', seconds=seconds)
    try:
        facts, lines, finished = run.facts(), run.metrics(), run.result() is not None
        run.config()
        run.vocabulary()
        newest = 0 if run.newest is None else read_metadata(run.newest)['step']
    except (RunError, CheckpointError, OSError) as error:
        return RunStatus(path, 'damaged', seconds=seconds, problem=str(error))
    return RunStatus(
        path,
        'running' if running else 'finished' if finished else 'interrupted',
        facts.get('config', ''),
        max([newest, *(line['step'] for line in lines)]) if running else newest,
        facts.get('steps', 0),
        _last(lines, 'loss'),
        _last(lines, 'heldout_bits_per_character'),
        _last(lines, 'heldout_accuracy', 'heldout_exact_match'),
        seconds,
    )


def fresh_path(path: Path) -> Path:
    """Returns the path where nothing is, or the first of path-2, path-3, ... that is free."""
    number, found = 1, path
    while found.exists() or found.is_symlink():
        number += 1
        found = path.with_name(f'{path.name}-{number}')
    return found


def _is_run(path: Path) -> bool:
    return any((path / name).exists() for name in _SIGNS) or any(map(is_lock, path.iterdir()))


def _changed(path: Path) -> float:
    times = [(path / name).stat().st_mtime for name in _SIGNS if (path / name).exists()]
    return max(times, default=path.stat().st_mtime)


def _last(lines: Sequence[dict[str, Any]], *names: str) -> float | None:
    found = (line[name] for line in reversed(lines) for name in names if name in line)
    return next(found, None)
