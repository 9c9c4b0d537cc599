"""Arrays where a face meets the world: what it is given, what it gives, what it keeps meanwhile."""

from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np


def all_arrays(x: Any) -> bool:
    """Returns whether a compiled program can take x."""
    kinds = (jax.Array, np.ndarray, np.generic, int, float, bool, complex)
    return all(isinstance(leaf, kinds) for leaf in jax.tree.leaves(x))


def has_tracer(tree: Any) -> bool:
    """Returns whether a tree belongs to a program that is being traced."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))


def dtype_of(leaf: Any) -> Any:
    """Returns the dtype of an array, or the type of a Python number."""
    return leaf.dtype if hasattr(leaf, 'dtype') else type(leaf)


def as_jax(tree: Any) -> Any:
    """Returns a tree whose NumPy arrays are jax's."""
    return jax.tree.map(lambda a: jnp.asarray(a) if isinstance(a, np.ndarray) else a, tree)


def remembered(array: Any) -> Any:
    """Returns an array as it is kept: on the host, and without its size where all is one number."""
    if not isinstance(array, jax.Array) or jnp.issubdtype(array.dtype, jax.dtypes.extended):
        return array
    numbers = np.asarray(array)
    is_one = numbers.size > 1 and (numbers == numbers.flat[0]).all()
    return np.broadcast_to(numbers.flat[0], numbers.shape) if is_one else numbers


def fresh(kept: Any) -> jax.Array:
    """Returns what `remembered` keeps as a new array on the device."""
    on_host = isinstance(kept, np.ndarray)
    return jax.device_put(np.array(kept)) if on_host else jnp.copy(kept)
