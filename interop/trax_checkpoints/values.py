"""What the values of a pickle are here: plain data, and stand-ins for names and objects."""

import dataclasses
from typing import Any


class Refused(Exception):
    """What a file asks for and does not get; the caller adds which file it is."""


@dataclasses.dataclass(frozen=True)
class Name:
    """A name that a file says, such as numpy.ndarray. Nothing is imported."""

    module: str
    name: str

    def __str__(self):
        return ascii(f'{self.module}.{self.name}'[:100])[1:-1]


class Record:
    """An object of Trax's: its class by name, and its fields."""

    __slots__ = ('fields', 'name')

    def __init__(self, name: str):
        self.name = name
        self.fields: dict[str, Any] = {}


def check_size(value: Any, values: int, depth: int) -> None:
    """Refuses a value that is deeper than `depth`, or larger than `values` when written out.

    A list may stand in many places at a cost of two bytes each, so that a short file can mean a
    value that no memory holds; afterwards it is safe to go through the value.
    """
    waiting = [(value, 0)]
    while waiting:
        value, level = waiting.pop()
        values -= 1
        if values < 0:
            raise Refused('more values than Limits(values=...) allows, by repeating its parts')
        if level > depth:
            raise Refused(f'values nested deeper than {depth}, the limit Limits(depth=...)')
        waiting.extend((part, level + 1) for part in _parts(value))


def _parts(value):
    if isinstance(value, Record):
        return value.fields.values()
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list | tuple) else ()
