"""Bindings that nothing used, and why not."""

from collections.abc import Iterable

from .bindings import Binding
from .building import Building
from .errors import close_to
from .registry import is_class, known


def unused(building: Building) -> list[Binding]:
    """Returns the bindings that nothing used while the experiment was made."""
    return [binding for binding in building.statements if binding not in building.used]


def unused_words(building: Building, bindings: Iterable[Binding]) -> str:
    """Says which bindings nothing used, and why."""
    lines = '\n'.join(
        f'  {building.statements[b].place}: {b}\n    {_reason(building, b)}' for b in bindings
    )
    return (
        f'Nothing used these bindings of the config:\n{lines}\nTake them out, or bind what is used.'
    )


def beaten_words(building: Building, binding: Binding) -> str:
    """Says which code did not take a binding."""
    return (
        f'{building.written(binding)}\n  does not reach all that it names: '
        f'{building.beaten[binding]} says {binding.parameter} itself, and what code says wins.'
    )


def _reason(building, binding):
    name = binding.configurable
    if not binding.parameter:
        macros = {b.configurable for b in building.used if not b.parameter}
        return f'No line says %{binding}.' + close_to(str(binding), macros).replace('\n ', '')
    if binding in building.beaten:
        return f'{building.beaten[binding]} says {binding.parameter} itself, and code wins.'
    if name not in known and name != 'singleton':
        return (
            f'While the model was made, nothing called {name} where this would reach it, or what '
            f'called it says {binding.parameter} itself.'
        )
    if name in building.made:
        return f'No {name} is made where this would reach it: look at the scopes.'
    if name in is_class:
        return f'Nothing makes a {name}.'
    return (
        f'{name} is a function: bindings reach it where a config calls it, as @{name}(), and not '
        'where Python code does.'
    )
