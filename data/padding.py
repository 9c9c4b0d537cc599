"""Rows of several lengths in one array."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .ids import START_ID


def padded(
    rows: Sequence[npt.NDArray[np.integer]], shape: tuple[int, int]
) -> npt.NDArray[np.int32]:
    """Returns rows of ids in an array of a shape; what is left of it is padding, id 0.

    >>> padded([np.array([5, 6, 7]), np.array([8])], (2, 4)).tolist()
    [[5, 6, 7, 0], [8, 0, 0, 0]]
    """
    array = np.full(shape, START_ID, np.int32)
    for line, row in zip(array, rows, strict=False):
        line[: len(row)] = row
    return array
