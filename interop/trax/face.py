"""A Trax module as retrax gives it: a view that looks names up when it is asked."""

import difflib
import importlib
from types import ModuleType
from typing import Any

from .names import LISTED, MODULES


class Face(ModuleType):
    """A module under Trax's name whose names are those of retrax.

    What retrax learns later is there by itself. What it lacks raises an AttributeError that says
    whether Trax has the name, and which names are near.
    """

    def __getattr__(self, name: str) -> Any:
        if name == '__all__':
            return [n for n in dir(self) if not n.startswith('_')]
        if name.startswith('__'):
            raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}')
        for source in _sources(self.__name__):
            if _has(source, name):
                return getattr(source, name)
        if f'{self.__name__}.{name}' in MODULES:
            return importlib.import_module(f'{self.__name__}.{name}')
        raise AttributeError(_no_attribute(self, name), name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        # The import system would put each module below this one here; `__getattr__` finds them,
        # after the names of retrax: tl.assert_shape is the function, as in Trax.
        if not isinstance(value, Face):
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        names = {n.rpartition('.')[2] for n in _below(self.__name__)}
        for source in _sources(self.__name__):
            names.update(n for n in LISTED[self.__name__] if _has(source, n))
            if self.__name__ in _WHOLE:
                names.update(_public(source))
        return sorted(names)


# Modules that show all that retrax has, beside what Trax lists.
_WHOLE = ('trax.layers', 'trax.fastmath.numpy')


def _sources(module):
    return [importlib.import_module(source, __package__) for source in MODULES[module]]


def _public(source):
    return getattr(source, '__all__', None) or [n for n in dir(source) if not n.startswith('_')]


def _has(source, name):
    return name in getattr(source, '__all__', (name,)) and hasattr(source, name)


def _below(module):
    return [n for n in MODULES if n.rpartition('.')[0] == module]


def _no_attribute(face, name):
    alike = [n for n in dir(face) if n[0].isupper() == name[0].isupper()]  # layers, or modules
    near = ' or '.join(difflib.get_close_matches(name, alike, n=3))
    if name in LISTED.get(face.__name__, ()):
        text = f'{face.__name__}.{name} is a name of Trax 1.4.1 that retrax does not have (yet).'
        return f'{text} What is near: {near}.' if near else text
    text = f'module {face.__name__!r} has no name {name!r}, neither in Trax 1.4.1 nor in retrax.'
    return f'{text} Did you mean {near}?' if near else text


def missing_module(name: str) -> ModuleNotFoundError:
    """Returns the error for a module, or for a name asked of a module, that is not there.

    Its `name` stays empty: the import system swallows the error of `from trax.x import y` when the
    name in it is that of y, and the text with it.
    """
    parent, _, last = name.rpartition('.')
    while parent not in MODULES:
        parent, _, last = parent.rpartition('.')
    face = importlib.import_module(parent)
    text = _no_attribute(face, last)
    if last.islower() and _below(parent):  # perhaps a module was meant
        text += f' The modules of {parent} that it has: {", ".join(sorted(_below(parent)))}.'
    return ModuleNotFoundError(text)
