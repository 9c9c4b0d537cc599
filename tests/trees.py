"""A tree like a training run's, and what it means that two trees are the same."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Gates(NamedTuple):
    w1: Any
    b1: Any


def model(scale: float = 1.0) -> dict[str, Any]:
    return {
        'weights': {'GRU#1': Gates(scale * jnp.arange(12.0).reshape(3, 4), jnp.zeros(4))},
        'opt': (None, (), [jnp.int32(7), np.arange(5)]),
    }


def assert_same(got: Any, expected: Any) -> None:
    """Equal structure, dtypes, shapes and bits (NaN payloads and -0.0 included)."""
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        assert isinstance(a, np.ndarray) == isinstance(b, np.ndarray)
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()
