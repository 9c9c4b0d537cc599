"""What configs can name: every public layer, model, initializer, optimizer and schedule.

`train` is the experiment. The model owns its mode, so `mode` cannot be bound.
"""

import inspect
from typing import Any

import gin

from .. import layers, models
from .. import training as trainings
from ..combinators import Layer, add_provider
from . import composition
from .annotations import signature_of
from .building import call, provide

known: dict[str, Any] = {}  # by name, what configs can name
is_class: set[str] = set()  # those that bindings reach in Python code too
_targets: dict[Any, str] = {}


def _register(name, target, denylist=()):
    signature = signature_of(target)

    def make(*args, **kwargs):
        return call(name, target, args, kwargs)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = target.__doc__
    make.__signature__ = signature  # type: ignore[attr-defined]
    denied = [p for p in signature.parameters if p in denylist]
    gin.external_configurable(make, name=name, module='retrax', denylist=denied or None)
    known[name] = make
    if inspect.isclass(target) and issubclass(target, Layer):
        is_class.add(name)
        _targets[target] = name


def _provide(cls, args, kwargs):
    return provide(_targets[cls], cls, args, kwargs) if cls in _targets else kwargs


def _is_configurable(value):
    if inspect.isclass(value):
        return issubclass(value, Layer) and value is not Layer
    return inspect.isfunction(value) and value.__name__[0].isupper()


def _register_all():
    composed = ('Serial', 'Parallel', 'Branch', 'Residual')
    for name in layers.__all__:
        value = getattr(layers, name)
        if name not in composed and _is_configurable(value):
            is_initializer = value.__module__.endswith('.initializers')  # 'mode' of a fan
            _register(name, value, denylist=() if is_initializer else ('mode',))
    for name in composed:
        _register(name, getattr(composition, name))
    for name in models.__all__:
        _register(name, getattr(models, name), denylist=('mode',))
    for name in ('Adam', 'AdamW', 'SGD', 'CosineDecay'):
        _register(name, getattr(trainings, name))
    _register('train', trainings.Experiment)


_register_all()
add_provider(_provide)
