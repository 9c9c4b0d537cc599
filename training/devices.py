"""Data parallel: each device has some rows of a batch, and all of the weights.

The step stays one program on the whole batch: what sums over rows, a gradient or a BatchNorm's
mean, sums over devices, and XLA adds the communication. So nothing else changes.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


class Devices:
    """Where the arrays of a training are.

    Args:
      n: how many devices share the rows; 'all' that are there.
      batch_size: how many rows there are.

    Raises:
      ValueError: there are fewer devices, or they cannot have equally many rows.
    """

    def __init__(self, n: int | str, batch_size: int):
        found = jax.devices()
        n = len(found) if n == 'all' else int(n)
        if n > len(found):
            raise ValueError(
                f"n_devices={n}, but there are {len(found)} ({found[0].platform}); 'all' means "
                'those that are there'
            )
        if batch_size % n:
            raise ValueError(
                f'n_devices={n}: a batch of {batch_size} rows cannot be shared out evenly. Make '
                f'the batch size a multiple of {n}, such as {batch_size + -batch_size % n}, or use '
                f'{max(k for k in range(1, n) if batch_size % k == 0)} devices.'
            )
        self.n, self._batch_size, self._first = n, batch_size, found[0]
        mesh = Mesh(np.array(found[:n]), ('rows',))
        self._all = NamedSharding(mesh, PartitionSpec())
        self._rows = NamedSharding(mesh, PartitionSpec('rows'))

    def share(self, tree: Any) -> Any:
        """Returns a tree with the rows of its arrays shared out; what has other rows is repeated.

        It may be repeated needlessly or shared out by accident, say statistics of as many features
        as there are rows: results do not depend on where arrays are.
        """
        if self.n == 1:
            return tree
        return jax.device_put(tree, jax.tree.map(self._sharding, tree))

    def repeat(self, tree: Any) -> Any:
        """Returns a tree with all of it on each device."""
        return tree if self.n == 1 else jax.device_put(tree, self._all)

    def shardings(self, tree: Any) -> Any:
        """Returns where the arrays of a tree are; None where there is nothing to say."""
        return None if self.n == 1 else jax.tree.map(lambda leaf: leaf.sharding, tree)

    def taken(self, tree: Any) -> Any:
        """Returns copies of all arrays, whole, on the first device."""
        return jax.tree.map(jnp.copy, tree if self.n == 1 else jax.device_put(tree, self._first))

    def _sharding(self, leaf):
        shape = np.shape(leaf)
        return self._rows if shape and shape[0] == self._batch_size else self._all
