"""Weights and state as flat lists of arrays, the form of Trax's checkpoints."""

from typing import Any

import jax


def flatten_weights_and_state(weights: Any, state: Any) -> tuple[list[Any], list[Any]]:
    """Returns the arrays of weights and of state, each as a list; shared weights once."""
    return jax.tree.leaves(weights), jax.tree.leaves(state)


def unflatten_weights_and_state(
    flat_weights: list[Any],
    flat_state: list[Any],
    weights_and_state_signature: tuple[Any, Any],
    weights_only: bool = False,
) -> tuple[Any, Any]:
    """Returns weights and state of a model from flat lists of arrays.

    Args:
      flat_weights: the weights, in the order of `flatten_weights_and_state`.
      flat_state: the state, likewise.
      weights_and_state_signature: what `model.weights_and_state_signature(signature)` gives.
      weights_only: whether to leave the state out; None stands for it then.

    Raises:
      ValueError: there are more or fewer arrays than the model has.
    """
    weights, state = weights_and_state_signature
    new_weights = _fill(weights, flat_weights, 'weights')
    return new_weights, None if weights_only else _fill(state, flat_state, 'state')


def _fill(tree, arrays, what):
    structure = jax.tree.structure(tree)
    if structure.num_leaves != len(arrays):
        raise ValueError(
            f'{what}: the model has {structure.num_leaves} arrays, got {len(arrays)}. '
            f'Is this the {what} of another model?'
        )
    return jax.tree.unflatten(structure, arrays)
