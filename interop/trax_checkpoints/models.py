"""Trax's checkpoints and models: weights go in and out by their order, checked by shape."""

import os
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...combinators import (
    Layer,
    flatten_weights_and_state,
    signature,
    unflatten_weights_and_state,
)
from ...combinators.weights import named
from .errors import TraxCheckpointError
from .limits import DEFAULTS, Limits
from .reading import TraxCheckpoint, read
from .writing import write


def init_from_file(
    model: Layer,
    file_name: str | os.PathLike[str],
    weights_only: bool = False,
    input_signature: Any = None,
    limits: Limits = DEFAULTS,
) -> tuple[Any, Any]:
    """Gives a model the weights, and the state unless `weights_only`, of one of Trax's files.

    Args:
      model: a model of the same layers in the same order; it need not be initialised.
      file_name: `model.pkl.gz`.
      weights_only: leaves the state new. The state of Trax's own layers seldom fits, because it
        also holds what is an argument here, such as the rate of Dropout.
      input_signature: what to initialise for; that of the file, or of the model, by default.
      limits: how large the file may claim to be.

    Returns:
      The model's weights and state.

    Raises:
      TraxCheckpointError: the file cannot be read, or is of another model; nothing is changed then.
    """
    found = read(file_name, limits)
    inputs = _inputs(model, found, input_signature, file_name)
    wanted = model.weights_and_state_signature(inputs)
    flat_weights = weights_by_path(model, wanted[0], found, file_name).values()
    flat_state = [] if weights_only else _state(found, wanted[1], file_name)
    weights, state = unflatten_weights_and_state(
        [jnp.array(w) for w in flat_weights],
        [jnp.array(s) for s in flat_state],
        wanted,
        weights_only,
    )
    model.init(inputs)
    model.weights = weights
    if not weights_only:
        model.state = state
    return model.weights, model.state


def save_to_file(
    model: Layer,
    file_name: str | os.PathLike[str],
    weights_only: bool = False,
    input_signature: Any = None,
) -> None:
    """Writes a model's weights, and its state unless `weights_only`, as a file that Trax reads.

    Args:
      model: an initialised model.
      file_name: where to; a file that is there is replaced.
      weights_only: leaves the state out.
      input_signature: stored with them; by default what the model was initialised with.

    Raises:
      ValueError: the model has no weights yet, or one of a dtype that Trax's format cannot tell.
    """
    if not model.has_weights:
        raise ValueError(
            f'{model.name}: expected an initialised model to save, got one without weights. Call '
            'model.init(input_signature) or train it first.'
        )
    inputs = signature(model.input_signature if input_signature is None else input_signature)
    if any(s.is_symbolic for s in jax.tree.leaves(inputs)):
        inputs = None  # Trax has no names for sizes
    weights, state = flatten_weights_and_state(model.weights, model.state)
    write(file_name, weights, None if weights_only else state, inputs)


def weights_by_path(
    model: Layer, weights: Any, found: TraxCheckpoint, file_name: str | os.PathLike[str]
) -> dict[str, np.ndarray]:
    """Returns the weights of a file under the paths of a model, such as 'GRU#1.w1'.

    Args:
      model: the model whose layers name the weights.
      weights: their signature, as `model.weights_and_state_signature` gives it.
      found: what the file holds.
      file_name: for messages.

    Raises:
      TraxCheckpointError: there are more or fewer weights, or one is of another shape or a dtype
        that would lose digits.
    """
    expected = dict(named(model, weights))
    problems = [
        f'entry {number}, {path}: expected {_told(e)}, got {_told(g)}'
        for number, ((path, e), g) in enumerate(zip(expected.items(), found.weights, strict=False))
        if tuple(g.shape) != tuple(e.shape) or not np.can_cast(g.dtype, e.dtype, 'safe')
    ]
    if len(expected) != len(found.weights):
        problems.append(f'expected {len(expected)} entries, got {len(found.weights)}')
    if problems:
        raise TraxCheckpointError(
            f'{file_name}: its weights are not those of {model.name}:\n  '
            + '\n  '.join([*problems[:5], *_and_more(len(problems) - 5)])
            + '\nBuild the model with the layers and sizes that the file was saved from.'
        )
    pairs = zip(expected.items(), found.weights, strict=True)
    return {path: array.astype(e.dtype, copy=False) for (path, e), array in pairs}


def _inputs(model, found, given, file_name):
    known = (given, found.input_signature, model.input_signature)
    inputs = next((s for s in known if s is not None), None)
    if inputs is None:
        raise TraxCheckpointError(
            f'{file_name}: expected an input signature in the file, got none. Give one: '
            'model.init_from_file(file, input_signature=ShapeDtype((1, 1), np.int32)), with the '
            'shape and dtype of your inputs.'
        )
    alone = isinstance(inputs, tuple | list) and len(inputs) == 1 and model.n_in == 1
    return inputs[0] if alone else inputs


def _state(found, wanted, file_name):
    expected, got = jax.tree.leaves(wanted), found.state or []
    if [(tuple(e.shape), e.dtype) for e in expected] != [(g.shape, g.dtype) for g in got]:
        raise TraxCheckpointError(
            f'{file_name}: its weights fit, its state does not: expected '
            f'{_listed(expected)}, got {_listed(got)}. What Trax keeps as state differs from what '
            'is kept here. Leave it: model.init_from_file(file, weights_only=True).'
        )
    return got


def _told(array):
    return f'{array.dtype.name}{list(array.shape)}'


def _listed(arrays):
    return ', '.join([*map(_told, arrays[:5]), *_and_more(len(arrays) - 5)]) or 'nothing'


def _and_more(n):
    return [f'and {n} more'] if n > 0 else []
