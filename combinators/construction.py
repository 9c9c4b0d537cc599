"""Making layers: the class of layer classes, and the one hook that configuration uses.

A layer is complete when its constructor has returned: what it was given is kept as its
definition, and the modes that its parts were told are joined and checked.
"""

import abc
import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

# Given a class, its args and kwargs, returns kwargs with what a configuration adds.
Provider = Callable[[Any, tuple[Any, ...], dict[str, Any]], dict[str, Any]]

_providers: list[Provider] = []


def add_provider(provider: Provider) -> None:
    """Lets `provider` fill arguments that code leaves out when it constructs a layer."""
    _providers.append(provider)


class LayerType(abc.ABCMeta):
    """Completes a layer after its constructor."""

    @property
    def __signature__(cls) -> inspect.Signature:
        """The constructor's arguments, as help() and editors show them."""
        whole = inspect.signature(cls.__init__)
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        for provider in _providers:
            kwargs = provider(cls, args, kwargs)
        layer = super().__call__(*args, **kwargs)
        if '_tl_cell' not in layer.__dict__:
            raise TypeError(
                f'{cls.__name__}.__init__ did not call super().__init__(); '
                'a layer needs it before anything else'
            )
        layer._tl_complete(args, kwargs)
        return layer


def filled(layer: Any) -> dict[type, dict[str, Any]]:
    """Returns what constructors inside decorators were given; to be called while they run.

    A decorator of a user's class, such as gin.configurable, may add arguments after all that the
    layer's caller wrote, and they belong to its definition.
    """
    inside, found = dict(_decorated(type(layer))), {}
    frame: Any = sys._getframe(1)
    while inside and frame is not None and frame.f_code is not LayerType.__call__.__code__:
        cls = inside.pop(frame.f_code, None)
        if cls is not None:
            names = inspect.getargs(frame.f_code)
            given = [*names.args[1:], *filter(None, (names.varargs, names.varkw))]
            found[cls] = {name: frame.f_locals[name] for name in given}
        frame = frame.f_back
    return found


@functools.lru_cache(maxsize=1024)
def _decorated(cls):
    constructors = [(base, base.__dict__.get('__init__')) for base in cls.__mro__]
    return {
        inspect.unwrap(init).__code__: base
        for base, init in constructors
        if hasattr(init, '__wrapped__')
    }
