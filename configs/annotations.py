"""Values against annotations: whether what a config binds is what the code wants.

Only what can be said in a config is told apart: numbers, words, sequences, and things that code
makes. Where an annotation says nothing (Any, or one that cannot be judged) every value fits.
"""

import collections.abc
import contextlib
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

from ..combinators import Layer

_ARTICLES = {
    int: 'an int',
    float: 'a number',
    bool: 'True or False',
    str: 'a string',
    type(None): 'None',
}


def annotations_of(target: Callable[..., Any]) -> dict[str, Any]:
    """Returns the annotation of each parameter of a function or constructor that has one."""
    function = target.__init__ if inspect.isclass(target) else target  # type: ignore[misc]
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError):
        return {}


def signature_of(target: Callable[..., Any]) -> inspect.Signature:
    """Returns the signature of a function, or of a class's constructor without `self`."""
    if not inspect.isclass(target):
        return inspect.signature(target)
    parameters = list(inspect.signature(target.__init__).parameters.values())
    return inspect.Signature(parameters[1:])


def problem(value: Any, annotation: Any) -> str | None:
    """Returns what is wrong with a value for an annotation, or None.

    >>> problem(3, int), problem(3, float), problem(None, int | None)
    (None, None, None)
    >>> problem('512', int)
    "expected an int, got '512', a string; without the quotes: 512"
    >>> problem(True, int), problem(3.0, int)
    ('expected an int, got True', 'expected an int, got 3.0; write 3')
    """
    if fits(value, annotation):
        return None
    for i, item in enumerate(value if isinstance(value, list | tuple) else ()):
        wanted = _item(annotation)
        if wanted is not None and not fits(item, wanted):
            return f'item {i}: {problem(item, wanted)}'
    return f'expected {_words(annotation)}, got {_got(value)}{_hint(value, annotation)}'


def fits(value: Any, annotation: Any) -> bool:
    """Whether a value is what an annotation says; ints are floats, and bools are no ints."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, option) for option in arguments)
    if origin is typing.Literal:
        return value in arguments
    if annotation is Any:
        return True
    if annotation is None:
        return value is None
    if annotation is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is collections.abc.Callable:
        return callable(value) and not inspect.isclass(value)
    kind = origin or annotation
    if kind in (list, tuple, collections.abc.Sequence):
        wanted = _item(annotation)
        return isinstance(value, list | tuple) and (
            wanted is None or all(fits(item, wanted) for item in value)
        )
    if isinstance(kind, type) and kind is not object and not getattr(kind, '_is_protocol', False):
        return isinstance(value, kind)
    return True


def makes_layers(annotation: Any) -> bool:
    """Whether it is that of a function that makes layers: a config names one without a call.

    >>> makes_layers(Callable[..., Layer]), makes_layers(Layer)
    (True, False)
    """
    is_function = typing.get_origin(annotation) is collections.abc.Callable
    return is_function and typing.get_args(annotation)[-1] is Layer


def _item(annotation):
    """Returns the annotation of the items of a sequence, or None."""
    for option in (annotation, *typing.get_args(annotation)):
        if typing.get_origin(option) in (list, tuple, collections.abc.Sequence):
            return typing.get_args(option)[0]
    return None


def _words(annotation):
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return ' or '.join(dict.fromkeys(_words(option) for option in arguments))
    if origin is typing.Literal:
        return 'one of ' + ', '.join(map(repr, arguments))
    if origin is collections.abc.Callable:
        return 'a function'
    if (origin or annotation) in (list, tuple, collections.abc.Sequence):
        return 'a list'
    kind = type(None) if annotation is None else annotation
    name = getattr(kind, '__name__', str(kind))
    return _ARTICLES.get(kind) or _NAMES.get(name) or f'a {name}'


_NAMES = {'Layer': 'a layer', 'GradientTransformation': 'an optimizer'}


def _got(value):
    if inspect.isclass(value) or inspect.isfunction(value):
        return f'the {"class" if inspect.isclass(value) else "function"} {value.__name__}'
    if isinstance(value, str):
        return f'{value!r}, a string'
    if hasattr(value, 'update') and hasattr(value, 'init'):
        return 'an optimizer'
    if isinstance(value, int | float | list | tuple | dict | None):
        return repr(value)
    name = str(value).partition('\n')[0]
    return f'{name}, of type {type(value).__name__}' if len(name) < 40 else type(value).__name__


def _hint(value, annotation):
    wanted = {annotation, *typing.get_args(annotation)}
    if isinstance(value, str) and wanted & {int, float, bool}:
        for kind in (int, float):
            with contextlib.suppress(ValueError):
                if kind in wanted:
                    return f'; without the quotes: {kind(value)}'
        return f'; without the quotes: {value}' if value in ('True', 'False') else ''
    if isinstance(value, float) and value.is_integer() and int in wanted:
        return f'; write {int(value)}'
    if callable(value) and hasattr(value, '__name__') and not wanted & {int, float, bool, str}:
        return f'; write @{value.__name__}() to make one'
    return ''
