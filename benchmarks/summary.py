"""Medians, quartiles, and ratios pair by pair."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Spread(NamedTuple):
    """A median between its quartiles."""

    low: float
    median: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Returns the median and the quartiles; one value is its own."""
    if len(values) == 1:
        return Spread(values[0], values[0], values[0])
    return Spread(*statistics.quantiles(values, n=4, method='inclusive'))


def ratio(theirs: Sequence[float], ours: Sequence[float]) -> Spread:
    """Returns their time over ours, pair by pair: above 1 where we are faster."""
    return spread([a / b for a, b in zip(theirs, ours, strict=True)])
