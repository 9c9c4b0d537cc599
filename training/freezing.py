"""Weights that stay as they are, by the names of their layers."""

import fnmatch
from typing import Any

import jax
import optax


def frozen(
    optimizer: optax.GradientTransformation, model: Any, *patterns: str
) -> optax.GradientTransformation:
    """Returns an optimizer that leaves the weights of some paths alone, decay included.

    It remembers nothing of them, and a norm to which it clips is that of the others.

    Args:
      optimizer: what changes the other weights.
      model: names the weights, as `model.named_weights()` does; need not be initialised yet.
      patterns: of paths, such as 'Embedding#1', 'GRU#*.w1' or 'Serial#1/*'.

    Raises:
      ValueError: a pattern fits no path; when the optimizer's state is made.
    """

    def kinds(weights: Any) -> Any:
        paths = list(model.named_weights())
        for pattern in patterns:
            if not fnmatch.filter(paths, pattern):
                raise ValueError(f'frozen: {pattern!r} fits none of the weights {paths}')
        found = [any(fnmatch.fnmatchcase(path, p) for p in patterns) for path in paths]
        named = ['frozen' if fits else 'trained' for fits in found]
        return jax.tree.unflatten(jax.tree.structure(weights), named)

    return optax.partition({'trained': optimizer, 'frozen': optax.set_to_zero()}, kinds)
