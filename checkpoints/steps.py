"""Checkpoints of one run, named by training step."""

import operator
import re
from pathlib import Path

from .errors import CheckpointError
from .files import whole_directory
from .record import RECORD_FILE

_STEP = re.compile(r'\.?(step-([0-9]+))(?:\.old)?')  # the second form: set aside by a save


def step_path(directory: str | Path, step: int) -> Path:
    """Returns where the checkpoint of `step` lives: `directory/step-00001200`.

    >>> step_path('runs/a', 1200).name
    'step-00001200'
    """
    step = operator.index(step)
    if step < 0:
        raise CheckpointError(f'step: expected a number from 0 on, got {step}.')
    return Path(directory) / f'step-{step:08d}'


def latest(directory: str | Path) -> Path | None:
    """Returns the checkpoint of the highest step in `directory`, or None if there is none.

    Steps compare as numbers. Directories that a crash left half written do not count; a checkpoint
    that was interrupted while being replaced does, under its own name (`restore` finds the copy).
    """
    directory = Path(directory)
    if not directory.is_dir():
        return None
    matches = [match for entry in directory.iterdir() if (match := _STEP.fullmatch(entry.name))]
    steps = {directory / match[1]: int(match[2]) for match in matches}
    whole = [path for path in steps if (whole_directory(path) / RECORD_FILE).is_file()]
    return max(whole, key=lambda path: (steps[path], path.name), default=None)
