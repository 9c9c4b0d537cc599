"""SequenceMask: which places of padded ids are real."""

from ..combinators import Fn, PureLayer


def SequenceMask(pad_id: int = 0) -> PureLayer:
    """Returns a layer that is True where an id is not padding: mask = ids != pad_id.

    Recurrent(..., padding='mask') and MaskedMean take it.

    >>> import jax.numpy as jnp
    >>> SequenceMask()(jnp.array([[5, 3, 0], [7, 0, 0]])).tolist()
    [[True, True, False], [True, False, False]]

    Shapes: ids (...) of ints -> (...) of bools.
    """
    return Fn('SequenceMask', lambda ids: ids != pad_id)
