"""How many numbers a model learns, and how many bytes they take."""

import math
from typing import Any, NamedTuple

import jax


class Count(NamedTuple):
    """A number of array elements and the bytes that they take."""

    n: int = 0
    n_bytes: int = 0

    def __add__(self, other):
        return Count(self.n + other.n, self.n_bytes + other.n_bytes)


def count(tree: Any) -> Count:
    """Counts the arrays of a tree; shapes without arrays do as well.

    >>> import numpy as np
    >>> count((np.zeros((2, 3), np.float32), np.zeros(4, np.int8)))
    Count(n=10, n_bytes=28)
    """
    leaves = jax.tree.leaves(tree)
    sizes = [math.prod(leaf.shape) for leaf in leaves]
    n_bytes = sum(n * leaf.dtype.itemsize for n, leaf in zip(sizes, leaves, strict=True))
    return Count(sum(sizes), n_bytes)


def parameter_count(model: Any) -> int:
    """Returns how many numbers a model learns; a shared layer counts once.

    Raises:
      ValueError: the model has no weights yet.
    """
    n = count(model.weights).n
    if not model.has_weights:
        raise ValueError(
            f'parameter_count: {model.name} has no weights yet; call model.init(signature) first, '
            'or summary(model, signature), which counts without making them'
        )
    return n
