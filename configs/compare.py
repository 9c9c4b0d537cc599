"""What differs between two configs, after both were resolved."""

from typing import NamedTuple

from .gin_config import Config

ABSENT = '-'


class Difference(NamedTuple):
    """A parameter that has another value in the other config."""

    name: str
    left: str
    right: str


def differences(left: Config, right: Config) -> list[Difference]:
    """Returns what differs between the experiments that two configs describe.

    Macros count by their values, and a parameter without a binding by its default; a parameter of
    something that a config does not make is absent there.
    """
    found = []
    for name in sorted(left.values.keys() | right.values.keys()):
        here, there = left.values.get(name, ABSENT), right.values.get(name, ABSENT)
        is_default = here.endswith(_DEFAULT) and there == ABSENT
        is_default |= there.endswith(_DEFAULT) and here == ABSENT
        if here.removesuffix(_DEFAULT) != there.removesuffix(_DEFAULT) and not is_default:
            found.append(Difference(name, here, there))
    return found


_DEFAULT = ' (default)'
