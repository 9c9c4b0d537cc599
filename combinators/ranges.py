"""Ranges: which numbers a layer takes, such as ids that a table has or lengths that fit.

Compiled code can refuse no numbers. But where a layer reads an input of the model as it was given,
or its own state, such as a position, the model remembers at compile time which numbers it takes,
and looks at them after each call.
"""

import contextlib
import contextvars
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.core
import numpy as np

from .errors import mismatch


class Range(NamedTuple):
    """The numbers that a layer takes from one array that a model is given."""

    leaf: int  # which of the arrays
    least: int
    most: int | None  # None: any
    where: int | None  # which of the arrays is 0 where numbers do not count; None: all count
    whole: bool  # whether they are whole numbers


class Ranges:
    """What the layers of a model said, while it was traced, of the arrays it is given."""

    def __init__(self, leaves: list[Any]):
        self._numbers_of = list(enumerate(leaves))
        self.found: list[Range] = []

    def places(self, x: Any) -> list[int]:
        """Returns which of the arrays x has its numbers of."""
        return [i for i, array in self._numbers_of if array is x]

    def note(self, x: Any, least: int, most: int | None, where: Any, whole: bool) -> None:
        """Notes the range of x if it has its numbers of one of the arrays, and `where` too."""
        counts = [None] if where is None else self.places(where)
        self.found += [Range(i, least, most, j, whole) for i in self.places(x) for j in counts[:1]]

    def same(self, y: Any, x: Any) -> None:
        """Notes that y has the numbers of x."""
        self._numbers_of += [(i, y) for i in self.places(x)]


_RANGES: contextvars.ContextVar[Ranges | None] = contextvars.ContextVar('ranges', default=None)


@contextlib.contextmanager
def noting(given: Any) -> Iterator[list[Range]]:
    """Gives the list of ranges that layers expect of arrays in a block of code that traces them."""
    ranges = Ranges(jax.tree.leaves(given))
    token = _RANGES.set(ranges)
    try:
        yield ranges.found
    finally:
        _RANGES.reset(token)


def in_range(
    x: Any,
    least: int,
    most: int | None,
    what: str,
    fix: str = '',
    where: Any = None,
    whole: bool = False,
) -> None:
    """Raises ValueError if x has a number below `least` or above `most`, or one that is NaN.

    Where x is traced it raises nothing; the model does, if x is one of its inputs, or a state.

    Args:
      x: an array of numbers.
      least, most: the smallest and the largest number it may have; None for any.
      what: what x is, such as 'the lengths'.
      fix: what to do.
      where: an array that is 0 where a number does not count, in a shape that fits by broadcasting.
      whole: whether it must be whole numbers, in whatever dtype.
    """
    at = _first_outside(x, least, most, where, whole)
    if at is not None:
        got = np.asarray(x)[at]
        kind = 'whole numbers' if whole and np.floor(got) != got else 'numbers'
        expected = f'{least} or more' if most is None else f'{kind} from {least} to {most}'
        place = f'It is at {list(map(int, at))}. ' if at else ''
        raise mismatch(what, expected, str(got), f'{place}{fix}'.strip())


def same_numbers(y: Any, x: Any) -> Any:
    """Returns y, after noting that it has no numbers but those of x, and some that are in range."""
    ranges = _RANGES.get()
    if ranges is not None:
        ranges.same(y, x)
    return y


def all_in_range(given: Any, ranges: list[Range]) -> bool:
    """Whether what a model is given is all in the ranges that its layers take."""
    leaves = jax.tree.leaves(given) if ranges else []
    counts = [None if r.where is None else leaves[r.where] for r in ranges]
    return all(
        _first_outside(leaves[r.leaf], r.least, r.most, where, r.whole) is None
        for r, where in zip(ranges, counts, strict=True)
    )


def _first_outside(x, least, most, where, whole):
    """Returns where the first number out of range is; None if none is, or none can be seen."""
    if isinstance(x, jax.core.Tracer) or isinstance(where, jax.core.Tracer):
        ranges = _RANGES.get()  # those of the model around this one, if it is what is traced
        if ranges is not None:
            ranges.note(x, least, most, where, whole)
        return None
    numbers = np.asarray(x)
    outside = ~(numbers >= least)  # so that NaN is outside
    if most is not None:
        outside = outside | (numbers > most)
    if whole and not np.issubdtype(numbers.dtype, np.integer):
        outside = outside | (numbers != np.floor(numbers))
    if where is not None:
        outside = outside & (np.asarray(where) != 0)
    return tuple(np.argwhere(outside)[0]) if outside.any() else None


class Compiled:
    """A compiled pass over a model, which raises what the pass itself raises at wrong numbers.

    Args:
      run: the pass.
    """

    def __init__(self, run: Callable[..., Any]):
        self._run = run
        self._ranges: list[Range] = []
        self._program = jax.jit(self._traced)

    def _traced(self, *given):
        with noting(given) as self._ranges:
            return self._run(*given)

    def __call__(self, *given: Any) -> Any:
        """Returns what the pass returns."""
        outputs = self._program(*given)
        if not all_in_range(given, self._ranges):
            self._run(*given)  # not compiled, the layer sees the numbers, and says it all
        return outputs
