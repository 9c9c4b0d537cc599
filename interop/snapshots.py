"""Generations as files: decoding's snapshots in the form of checkpoints."""

from pathlib import Path
from typing import Any

from ..checkpoints import CheckpointError, read_metadata, restore, save
from ..decoding.snapshot import Snapshot, blank, describe

KIND = 'retrax snapshot of a generation'


def save_snapshot(path: str | Path, snapshot: Snapshot) -> None:
    """Saves a snapshot as the directory `path`, which appears whole or not at all.

        running = retrax.stream(model, prompt, 1000)
        first = next(running)
        retrax.save_snapshot('story', running.snapshot())
        rest = list(retrax.resume(model, retrax.load_snapshot('story', model)))

    Weights are not in it: the model is saved apart.

    Raises:
      CheckpointError: it cannot be stored, or `path` holds other files.
    """
    save(path, snapshot, {'kind': KIND, **describe(snapshot)})


def load_snapshot(path: str | Path, model: Any) -> Snapshot:
    """Returns the snapshot saved at `path`, for `resume` with the same model.

    Raises:
      CheckpointError: there is none, or it is damaged, or of other shapes.
      StateError: it is of another model; the message names the path of the layer.
    """
    facts = read_metadata(path)
    if facts.get('kind') != KIND:
        raise CheckpointError(
            f'{path}: expected a snapshot of a generation, got another checkpoint. '
            'save_snapshot(path, stream.snapshot()) writes one.'
        )
    return restore(path, blank(model, facts))[0]
