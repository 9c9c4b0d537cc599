"""trax.shapes: retrax's signatures, printed and measured as Trax's are."""

from typing import Any

import jax
import numpy as np

from ... import layers as tl


class ShapeDtype(tl.ShapeDtype):
    """A signature with Trax's repr, and the length 1 that Trax's code asks for.

    >>> ShapeDtype((2, 3))
    ShapeDtype{shape:(2, 3), dtype:<class 'numpy.float32'>}
    """

    def __repr__(self):
        return f'ShapeDtype{{shape:{self.shape}, dtype:{self.dtype.type}}}'

    def __len__(self):
        return 1

    def __eq__(self, other):
        if not isinstance(other, tl.ShapeDtype):
            return NotImplemented
        return (self.shape, self.dtype) == (other.shape, other.dtype)

    __hash__ = tl.ShapeDtype.__hash__

    def as_tuple(self) -> tuple[tuple[Any, ...], np.dtype]:
        """Returns (shape, dtype)."""
        return self.shape, self.dtype

    def replace(self, **changes: Any) -> 'ShapeDtype':
        """Returns a copy with another shape or dtype."""
        return ShapeDtype(**{'shape': self.shape, 'dtype': self.dtype, **changes})


def signature(x: Any) -> Any:
    """Returns the signature of an array, or of nested arrays."""
    return jax.tree.map(lambda s: ShapeDtype(s.shape, s.dtype), tl.signature(x))


def splice_signatures(*signatures: Any) -> Any:
    """Returns one signature of all inputs of several: their tuples joined, () dropped.

    >>> splice_signatures(ShapeDtype((1,)), ()).shape
    (1,)
    """
    parts = [p for s in signatures for p in (s if isinstance(s, tuple | list) else (s,))]
    return parts[0] if len(parts) == 1 else tuple(parts)


def assert_shape_equals(array: Any, shape: tuple[int, ...]) -> None:
    """Raises AssertionError if the array has another shape."""
    assert array.shape == shape, f'expected shape {shape}, got {array.shape}'


def assert_same_shape(array1: Any, array2: Any) -> None:
    """Raises AssertionError if the arrays differ in shape."""
    assert_shape_equals(array1, array2.shape)


__all__ = [
    'ShapeDtype',
    'assert_same_shape',
    'assert_shape_equals',
    'signature',
    'splice_signatures',
]
