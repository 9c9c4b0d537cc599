"""Making layers: the class of layer classes, and the one hook that configuration uses.

A layer is complete when its constructor has returned: what it was given is kept as its
definition, and the modes that its parts were told are joined and checked.
"""

import abc
import inspect
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
        if '_cell' not in layer.__dict__:
            raise TypeError(
                f'{cls.__name__}.__init__ did not call super().__init__(); '
                'a layer needs it before anything else'
            )
        layer._complete(args, kwargs)
        return layer
