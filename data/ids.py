"""The guard between a user's integer ids and a model.

An accelerator clamps an index that is out of range and says nothing, so ids are checked while they
are still NumPy arrays. It knows the size of a vocabulary and not which one it is.
"""

import numpy as np
import numpy.typing as npt

START_ID = 0


def check_ids(ids: npt.ArrayLike, size: int, what: str) -> npt.NDArray[np.int32]:
    """Return ids as an int32 array, sure that each is in 0..size-1. `what` names them in errors.

    Shapes: any, kept.

    Raises:
        TypeError: the ids are not integers.
        ValueError: an id is out of range; names the first one, its position and the size.
    """
    array = np.asarray(ids)
    if array.size == 0:  # an empty list arrives as float64
        return array.astype(np.int32)
    if not np.issubdtype(array.dtype, np.integer):
        raise TypeError(
            f'{what}: expected integer ids, got dtype {array.dtype}. Encode text with a '
            'vocabulary first: vocabulary.encode(text).'
        )
    bad = (array < 0) | (array >= size)
    if bad.any():
        position = tuple(int(axis[0]) for axis in np.nonzero(np.atleast_1d(bad)))
        value = int(np.atleast_1d(array)[position])
        where = position[0] if len(position) == 1 else position
        raise ValueError(
            f'{what}: id {value} at position {where} is outside the vocabulary of {size} ids '
            f'(0 to {size - 1}). Encode the text with the vocabulary that the model was made for, '
            'or make the model with the size of this vocabulary.'
        )
    return array.astype(np.int32)
