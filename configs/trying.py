"""Trying a config: gin gets its bindings, and the experiment is made to see which are used.

Gin's global state is ours inside of `clean_gin` alone; outside it is somebody else's, or empty.
"""

import collections
import contextlib
import textwrap
import threading
from collections.abc import Iterator, Mapping

import gin
from gin import config as gin_internals

from ..combinators import LayerError
from ..training import Experiment
from .bindings import Binding, Statement, needed, references, within
from .building import Building
from .errors import ConfigError, advised, explained
from .registry import known
from .sources import Sources

_one_at_a_time = threading.RLock()  # gin has one state for all threads


@contextlib.contextmanager
def clean_gin() -> Iterator[None]:
    """Gives a block of code an empty gin, and puts back what was there."""
    kinds = ('_CONFIG', '_SINGLETONS', '_IMPORTS', '_OPERATIVE_CONFIG')
    stores = [getattr(gin_internals, kind) for kind in kinds]
    with _one_at_a_time:
        locked, before = gin.config_is_locked(), [store.copy() for store in stores]
        gin.clear_config()
        try:
            yield
        finally:
            gin.clear_config()
            for store, held in zip(stores, before, strict=True):
                store.update(held)
            if locked:
                gin_internals._set_config_is_locked(True)


def bind(statements: Mapping[Binding, Statement]) -> None:
    """Gives gin the bindings, after checking that all that they name exists."""
    gin.clear_config()
    for binding, statement in statements.items():
        full = binding.scope, binding.configurable, binding.parameter
        if not binding.parameter:
            full = str(binding), 'gin.macro', 'value'
        try:
            gin.bind_parameter(full, statement.value)
        except (KeyError, ValueError) as error:
            raise ConfigError(f'{statement}\n  {advised(str(error), known)}') from error
        for reference in references(statement.value):
            reference.place = statement.place
            wanted = needed(reference)
            if wanted is not None and wanted not in statements:
                line = str(wanted).replace('singleton.', 'gin.singleton.')
                raise ConfigError(
                    f'{statement}\n  {reference!r} is used and has no value. '
                    f'Add a line: {line} = ...'
                )
    with explained('config', known):
        gin.finalize()


def made(building: Building) -> Experiment:
    """Makes the experiment that bindings describe; the building tells what happened to them.

    Raises:
      ConfigError: a value cannot be.
    """
    file, statements = building.file, building.statements
    bind(statements)
    try:
        with building.active():
            return gin.get_configurable('train')()
    except RecursionError as error:
        raise ConfigError(_circle(building)) from error
    except (RuntimeError, TypeError, ValueError) as error:
        if building.failure is not None:
            failure, building.failure = building.failure, None
            raise failure from error.__cause__
        message = str(error).partition('\n  In call to')[0]
        raise ConfigError(f'{file}: {message}') from error


def check_shapes(experiment: Experiment, building: Building) -> None:
    """Sends a batch's signature through the model: nothing is computed.

    Raises:
      ConfigError: a layer gets what it cannot take, or the model does not give what it must.
    """
    try:
        experiment.output_signature()
    except (LayerError, ValueError) as error:
        lines = building.statements
        model = lines[Binding('', 'train', 'model')]
        site = getattr(error, 'site', getattr(error.__cause__, 'site', None))
        line = next((line for line in lines.values() if line.place == site), model)
        raise ConfigError(f'{line}\n{textwrap.indent(str(error), "  ")}') from error


def _circle(building):
    """Says which bindings make a thing out of itself: the shortest way back to one of them."""
    circles = [_way_back(binding, building) for binding in building.statements]
    circle = min(filter(None, circles), key=len, default=[])
    where = ''.join(f'{building.statements[b]}\n' for b in circle) or f'{building.file}\n'
    if len(circle) > 1:
        what, fix = 'These are made of each other', 'Make one of them of something else.'
    else:
        what, fix = 'This is made of itself', 'Make it of something else.'
        if all(binding.parameter for binding in circle):
            fix = 'Give the inner one a scope: @inner/Serial(), with inner/Serial.layers = [...]'
    return f'{where}  {what}, without an end.\n  {fix}'


def _way_back(start, building):
    """Returns the fewest bindings by which one is made of itself; None: it is not."""
    ways, seen = collections.deque([[start]]), set()
    while ways:
        way = ways.popleft()
        for binding in _made_of(way[-1], building):
            if binding == start:
                return way
            if binding not in seen:
                seen.add(binding)
                ways.append([*way, binding])
    return None


def _made_of(binding, building):
    """Returns the bindings that say what a binding's value is made of."""
    found, statement = [], building.statements.get(binding)  # None: a constant of gin's
    for reference in references(statement and statement.value):
        if (inner := needed(reference)) is not None:
            found.append(inner)
        else:
            name = reference.selector.rpartition('.')[2]
            parameters = {b.parameter for b in building.statements if b.configurable == name} - {''}
            scopes = reference.scopes or binding.scope.split('/')  # an own scope is the only one
            found.extend(building.bound(name, parameters, scopes).values())
    return found


def displaced(sources: Sources, last: Mapping[Binding, Statement]) -> set[Binding]:
    """Returns the bindings that their files use, but for what a file above these changed.

    Adam's are such where a config includes another and changes the optimizer.
    """
    found = set()
    for file in sources.files:
        seen = {file, *within(file, sources.includes)}
        part = {s.binding: s for s in sources.statements if s.source in seen}
        with contextlib.suppress(ConfigError):  # a file that makes no experiment of its own
            building = Building(file, part)
            if part != last:
                made(building)
            found.update(b for b in building.used if part[b] is last[b])
    return found
