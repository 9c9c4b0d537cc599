"""What attention keeps of the last steps: arrays whose oldest steps give way to new ones.

Step p stands at place p mod length.
"""

from typing import Any

import jax
import jax.numpy as jnp

from .attention_cache import put


def put_last(kept: Any, new: Any, n: jax.Array) -> tuple[Any, Any, jax.Array]:
    """Returns what is kept after new steps, what these see, and which steps that is.

    Shapes: kept (b, ..., length, d), new (b, ..., t, d), n (b,): how many steps each row has had
    -> as kept; (b, ..., s, d); numbers of steps (b, s), below 0 where there is none.
    """
    length, t = jax.tree.leaves(kept)[0].shape[-2], jax.tree.leaves(new)[0].shape[-2]
    before, after = _steps_in_ring(n, length), _steps_in_ring(n + t, length)
    if t == 1:  # it takes the place of a step that it does not see
        kept = put(kept, new, n[:, None] % length)
        return kept, kept, after
    seen = jax.tree.map(lambda a, b: jnp.concatenate([a, b], axis=-2), kept, new)
    new_place = length + after - n[:, None]
    place = jnp.where(after < n[:, None], jnp.arange(length), new_place)
    pick = jax.vmap(lambda row, at: jnp.take(row, at, axis=-2, mode='clip'))
    numbers = jnp.concatenate([before, n[:, None] + jnp.arange(t)], axis=1)
    return jax.tree.map(lambda a: pick(a, place), seen), seen, numbers


def first_kept(step: jax.Array, length: int, n_dropped: int) -> jax.Array:
    """Returns the first step that is kept at `step`, if n_dropped go where room ends."""
    return n_dropped * jnp.maximum(0, (step - length) // n_dropped + 1)


def _steps_in_ring(n, length):
    """Returns which of n steps stand at the places of a ring, (b, length); below 0 for none."""
    last = n[:, None] - 1
    return last - (last - jnp.arange(length)) % length
