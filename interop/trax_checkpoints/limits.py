"""How much a file may make of itself: a few bytes can claim to be many."""

from typing import NamedTuple


class Limits(NamedTuple):
    """What reading accepts before it refuses a file; raise a limit for a file that you trust."""

    file_bytes: int = 4 << 30
    """The size of a file on disk."""
    bytes: int = 8 << 30
    """The size of what is compressed in it."""
    ratio: int = 200
    """How many times larger that may be than the file; weights shrink little."""
    opcodes: int = 5_000_000
    """The steps of a pickle."""
    values: int = 5_000_000
    """The values in it, where one that stands in ten lists counts ten times."""
    depth: int = 50
    """How deep lists, tuples and dicts nest."""


DEFAULTS = Limits()
