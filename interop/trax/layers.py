"""What trax.layers has beside layers."""

from typing import Any


def to_list(outputs: Any) -> list[Any]:
    """Returns nested arrays as nested lists of numbers.

    >>> import numpy as np
    >>> to_list((np.array([1, 2]), np.array([3])))
    [[1, 2], [3]]
    """
    return [y.tolist() for y in outputs] if isinstance(outputs, tuple | list) else outputs.tolist()


__all__ = ['to_list']
