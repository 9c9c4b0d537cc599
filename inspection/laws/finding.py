"""What examining a law on a model gives: a verdict, what was measured, and where."""

import os
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

from ...combinators import Layer, LayerError
from ...combinators.errors import needs_values

# A layer and its path in the model; None where no single layer is to blame.
Spot = tuple[Layer, str] | None

Verdict = Literal['kept', 'broken', 'seen', 'does not apply']


class Finding(NamedTuple):
    """What a law found.

    Attributes:
      verdict: 'kept', 'broken', 'does not apply', or 'seen' where layers declare nothing that
        what was measured could contradict.
      measured: what was measured, in a sentence.
      where: the first layer that breaks the law, with the user's file and line; '' if none.
    """

    verdict: Verdict
    measured: str
    where: str = ''


class Law(NamedTuple):
    """A property that models have: its number in docs/laws.md, a name, and how it is examined."""

    number: int
    name: str
    examine: Callable[[Any], Finding]

    def __str__(self):
        return f'{self.number}. {self.name}'


def kept(measured: str) -> Finding:
    """Returns the finding of a law that holds."""
    return Finding('kept', measured)


def seen(measured: str, where: str = '') -> Finding:
    """Returns the finding where nothing is declared, or a declaration only allows."""
    return Finding('seen', measured, where)


def broken(measured: str, where: str = '') -> Finding:
    """Returns the finding of a law that does not hold."""
    return Finding('broken', measured, where)


def does_not_apply(reason: str) -> Finding:
    """Returns the finding of a law that says nothing about this model."""
    return Finding('does not apply', reason)


def examine(law: Law, subject: Any) -> Finding:
    """Examines a law; a model that raises while it is examined breaks the law."""
    try:
        return law.examine(subject)
    except LayerError as error:
        if needs_values(error):
            return does_not_apply('it needs Python values, so it cannot be traced: see law 2')
        return broken(f'{error.doing} failed: {_first_line(error.cause)}', place_of(error))
    except Exception as error:
        return broken(f'raised {type(error).__name__}: {_first_line(error)}')


def _first_line(text):
    return str(text).strip().partition('\n')[0]


def place(spot: Spot) -> str:
    """Returns where a layer stands: its path, and the line of the user's file that made it."""
    if spot is None:
        return ''
    layer, path = spot
    return _place(path or layer.name, vars(layer)['_tl_site'])


def place_of(error: LayerError) -> str:
    """Returns where the layer stands that failed."""
    return _place(error.path or error.layer, error.site)


def _place(name, site):
    near = os.path.relpath(site.file)
    return f'{name} ({site.file if near.startswith("..") else near}:{site.line})'
