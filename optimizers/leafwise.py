"""An optimizer as a rule for one array of weights, applied to every array of a model."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

# A learning rate: a number, or a function from the number of steps made to a number.
Rate = float | optax.Schedule


class LeafwiseState(NamedTuple):
    """What such an optimizer remembers; `optax.tree_utils.tree_set` finds its fields by name."""

    step: jax.Array  # () int32, how many steps were made
    learning_rate: jax.Array  # () float32, may be set before a step
    slots: tuple[Any, ...]  # one entry per array of weights, in the order of jax.tree.leaves


class Moment(NamedTuple):
    """What a rule is given beside the arrays."""

    step: jax.Array  # () int32, how many steps were made before this one
    learning_rate: jax.Array  # () float32


def leafwise(
    learning_rate: Rate,
    new_slots: Callable[[Any], Any],
    update: Callable[[Moment, Any, Any, Any], tuple[Any, Any]],
    clip_grad_norm: float | None = None,
) -> optax.GradientTransformation:
    """Returns the optax transformation of a rule for one array of weights.

    Args:
      learning_rate: a number, which is kept in the state, where a loop may change it; or a
        schedule, which is asked at every step.
      new_slots: makes what the rule remembers of an array of weights; a pytree.
      update: takes (moment, gradient, weights, slots); returns what is added to the weights, and
        the new slots.
      clip_grad_norm: gradients of a larger norm, all arrays taken as one vector, are scaled down
        to it; None leaves them.

    Raises:
      ValueError: a rate below 0, or a norm that is not positive.
    """
    schedule = learning_rate if callable(learning_rate) else None
    _check(learning_rate, clip_grad_norm)

    def init_fn(params: Any) -> Any:
        rate = learning_rate if schedule is None else 0.0
        slots = tuple(new_slots(jnp.asarray(w)) for w in jax.tree.leaves(params))
        return LeafwiseState(jnp.zeros((), jnp.int32), jnp.asarray(rate, jnp.float32), slots)

    def update_fn(updates: Any, state: Any, params: Any = None) -> Any:
        if params is None:
            raise ValueError('update needs the weights: update(gradients, state, weights)')
        rate = state.learning_rate
        if schedule is not None:
            rate = jnp.asarray(schedule(state.step), jnp.float32)
        moment = Moment(state.step, rate)
        gradients, structure = jax.tree.flatten(updates)
        pairs = [
            update(moment, *arrays)
            for arrays in zip(gradients, jax.tree.leaves(params), state.slots, strict=True)
        ]
        added = [change.astype(g.dtype) for g, (change, _) in zip(gradients, pairs, strict=True)]
        slots = jax.tree.map(
            lambda new, old: new.astype(old.dtype), tuple(slots for _, slots in pairs), state.slots
        )
        return jax.tree.unflatten(structure, added), LeafwiseState(state.step + 1, rate, slots)

    made = optax.GradientTransformation(init_fn, update_fn)
    if clip_grad_norm is None:
        return made
    return optax.chain(optax.clip_by_global_norm(clip_grad_norm), made)


def _check(learning_rate, clip_grad_norm):
    if not callable(learning_rate) and learning_rate < 0:
        raise ValueError(f'learning_rate must not be negative, got {learning_rate}')
    if clip_grad_norm is not None and clip_grad_norm <= 0:
        raise ValueError(f'clip_grad_norm must be positive, or None, got {clip_grad_norm}')
