"""Bindings: the lines of a config, and which of several lines for one thing wins.

A file may override what it includes, and `--gin` overrides all. Two lines of one file for the same
thing, or of two files of which neither includes the other, are a mistake.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gin import config as gin_internals

from ..combinators.errors import created_at
from .errors import ConfigError, Place


class Binding(NamedTuple):
    """What a line binds: scope/configurable.parameter, or a macro, which has no parameter."""

    scope: str
    configurable: str
    parameter: str

    def __str__(self):
        name = f'{self.configurable}.{self.parameter}' if self.parameter else self.configurable
        return f'{self.scope}/{name}' if self.scope else name


class Statement(NamedTuple):
    """One line of a config: what it binds, to which value, where it is written and in which file.

    A value holds gin's references as they are, unresolved.
    """

    binding: Binding
    value: Any
    place: Place
    source: str
    is_extra: bool  # given beside the files, and so above them

    def __str__(self):
        written = str(self.place)
        return written if self.is_extra else f'{written}: {self.binding} = {self.value!r}'


def by_binding(
    statements: Sequence[Statement], includes: Mapping[str, set[str]]
) -> dict[Binding, list[Statement]]:
    """Returns the statements of each binding, the one that wins last.

    Args:
      statements: in the order in which they are read.
      includes: the files that each file includes.

    Raises:
      ConfigError: one file binds the same thing twice, or two files contradict each other.
    """
    found: dict[Binding, list[Statement]] = {}
    for statement in statements:
        earlier = found.setdefault(statement.binding, [])
        if earlier and earlier[-1].source == statement.source:
            raise ConfigError(
                f'{statement}\n  {statement.binding} is bound twice in this file, first at '
                f'{earlier[-1].place.short}. Keep one of the two lines.'
            )
        earlier.append(statement)
    for lines in found.values():
        for line in lines[:-1]:
            _check_may_override(lines[-1], line, includes)
    return found


def _check_may_override(last, earlier, includes):
    if last.is_extra or earlier.source in within(last.source, includes):
        return
    if last.source in within(earlier.source, includes):
        fix = 'An include replaces what is above it: put it before the line that changes it.'
    else:
        fix = 'Neither file includes the other. Bind it in the file that includes both.'
    raise ConfigError(f'{last}\n  contradicts {earlier}\n  {fix}')


def within(source: str, includes: Mapping[str, set[str]]) -> set[str]:
    """Returns the files that a file includes, directly or not."""
    found, waiting = set(), [source]
    while waiting:
        for file in includes.get(waiting.pop(), ()):
            if file not in found:
                found.add(file)
                waiting.append(file)
    return found


# References inside of values.


class Reference(gin_internals.ConfigurableReference):
    """A reference that tells the layers that it makes where it is written."""

    place: Place  # given when it is bound

    def __deepcopy__(self, memo: Any) -> Any:
        """Makes what is named: copying is how gin resolves references."""
        with created_at(self.place):
            return super().__deepcopy__(memo)

    def __eq__(self, other: object) -> bool:  # gin compares with what it parses itself
        return repr(self) == repr(other)

    __hash__ = gin_internals.ConfigurableReference.__hash__


class Delegate(gin_internals.ParserDelegate):
    """Makes the values of a config that gin's parser cannot make."""

    def configurable_reference(self, scoped_selector: str, evaluate: bool) -> Reference:
        """Returns what `@Name` and `@Name()` stand for."""
        return Reference(scoped_selector, evaluate)


def references(value: Any) -> Iterator[Any]:
    """Yields gin's references in a value, `@Name`, `@Name()` and `%name`, also nested ones."""
    yield from gin_internals.iterate_references([value])


def macro_name(reference: Any) -> str | None:
    """Returns the name of the macro that a reference is, or None."""
    is_macro = getattr(reference, 'configurable', None) and reference.selector == 'gin.macro'
    return '/'.join(reference.scopes) if is_macro else None


def needed(reference: Any) -> Binding | None:
    """Returns the binding without which a reference means nothing: of a macro or a singleton."""
    if (name := macro_name(reference)) is not None:
        scope, _, last = name.rpartition('/')
        return Binding(scope, last, '')
    if reference.configurable.selector == 'gin.singleton':
        return Binding('/'.join(reference.scopes), 'singleton', 'constructor')
    return None


def expanded(value: Any, values: Mapping[Binding, Any]) -> str:
    """Writes a value with the values of macros in the place of their names."""
    if isinstance(value, list | tuple):
        inside = ', '.join(expanded(v, values) for v in value)
        return f'[{inside}]' if isinstance(value, list) else f'({inside})'
    if isinstance(value, dict):
        return '{' + ', '.join(f'{k!r}: {expanded(v, values)}' for k, v in value.items()) + '}'
    name = macro_name(value)
    binding = None if name is None else needed(value)
    if binding is None or binding not in values:
        return repr(value)
    return expanded(values[binding], values)
