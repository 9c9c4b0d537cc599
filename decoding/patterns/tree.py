"""What a regular expression is made of, once it is read."""

from typing import Any, NamedTuple

from .characters import Ranges


class OneOf(NamedTuple):
    """One character of a set."""

    ranges: Ranges


class Row(NamedTuple):
    """One part behind the other; none: the empty text."""

    parts: tuple[Any, ...]


class Either(NamedTuple):
    """Any one of the parts."""

    parts: tuple[Any, ...]


class Repeated(NamedTuple):
    """A part, at least and at most so many times; None for any number."""

    part: Any
    least: int
    most: int | None
