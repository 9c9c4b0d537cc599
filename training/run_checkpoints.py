"""The checkpoints of a run: all that a step changes, weights by the names of their layers."""

import shutil
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from .. import checkpoints
from ..optimizers import averaged_weights
from .step import TrainState

BEST = 'best'
KEPT = 2  # the newest, and one to go back to if a disk damages it


def save(folder: Path, tree: dict[str, Any], vocabulary: str, is_best: bool = False) -> None:
    """Saves a checkpoint. Older ones are deleted, but the best stays.

    Args:
      folder: of the run's checkpoints.
      tree: what is saved, as `tree_of` returns it.
      vocabulary: the fingerprint of the one that its ids belong to.
      is_best: whether it is the best so far, and kept as such too.
    """
    step = int(tree['step'])
    metadata = {'step': step, 'vocabulary': vocabulary}
    if is_best:
        checkpoints.save(folder / BEST, tree, metadata)
    checkpoints.save(checkpoints.step_path(folder, step), tree, metadata)
    tidy(folder)


def tidy(folder: Path) -> None:
    """Deletes older checkpoints, and what a process left that was killed while it wrote one."""
    found = sorted(entry for entry in folder.glob('step-*') if entry.is_dir())
    for old in [*found[:-KEPT], *folder.glob('.*.new')]:
        shutil.rmtree(old)


def restore(path: Path, model: Any, like: TrainState) -> tuple[TrainState, Any]:
    """Returns the state of a checkpoint, its weights by name, and its vocabulary's fingerprint.

    Raises:
      CheckpointError: it is damaged, or of another model; the message names one to go back to.
    """
    try:
        tree, metadata = checkpoints.restore(path, tree_of(model, like))
    except checkpoints.CheckpointError as error:
        earlier = _earlier(path)
        if earlier is None or not _is_damaged(path):
            raise
        raise checkpoints.CheckpointError(
            f'{error}\nThe checkpoint before it is whole: delete {path} to go on from {earlier}.'
        ) from error
    return TrainState(**tree), metadata.get('vocabulary')


def _earlier(path):
    """The whole checkpoint before a damaged one."""
    found = sorted(entry for entry in path.parent.glob('step-*') if entry.name < path.name)
    return next((entry for entry in reversed(found) if not _is_damaged(entry)), None)


def _is_damaged(path):
    try:
        checkpoints.verify(path)
    except checkpoints.CheckpointError:
        return True
    return False


def tree_of(model: Any, state: TrainState) -> dict[str, Any]:
    """Returns what a checkpoint keeps; `model` names the weights."""
    named = dict(zip(model.named_weights(), jax.tree.leaves(state.weights), strict=True))
    return {**state._asdict(), 'weights': named}


def given_to(model: Any, state: TrainState) -> TrainState:
    """Gives a model the weights, or their average, and the statistics of a restored state.

    Returns:
      The state as a step takes it: with weights of its own, nested as the model's are.
    """
    model.set_named_weights(state.weights)
    model.keep_statistics(state.model_state)
    weights = jax.tree.map(jnp.copy, model.weights)
    used = averaged_weights(state.optimizer_state, weights)
    model.weights = jax.tree.map(jnp.copy, used)
    return state._replace(weights=weights)
