"""What configs can name: every public layer, model, initializer, optimizer and schedule.

Those of optax have their own names, such as `adamw`; Trax's Adam is `TraxAdam`, and its SGD is that
of retrax. `train` is the experiment. The model owns its mode, so `mode` cannot be bound.
"""

import inspect
from typing import Any

import gin
import optax

from .. import layers, models, optimizers
from .. import training as trainings
from ..combinators import Layer, add_provider
from . import composition
from .annotations import signature_of
from .building import call, provide

_OPTIMIZERS = (
    *('Adafactor', 'Momentum', 'RMSProp', 'SM3', 'Accumulated', 'Averaged', 'Clipped'),
    *('constant', 'multifactor', 'warmup', 'warmup_and_rsqrt_decay'),
)

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


def _is_of_optax(name):
    """Whether optax calls an optimizer or a schedule so."""
    value = getattr(optax, name)
    others = ('_', 'scale_by', 'lbfgs')  # lbfgs wants the loss as a function
    if name.startswith(others) or not inspect.isfunction(value):
        return False
    return name.endswith('_schedule') or 'learning_rate' in inspect.signature(value).parameters


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
    _register('TraxAdam', optimizers.Adam)
    for name in _OPTIMIZERS:
        _register(name, getattr(optimizers, name))
    for name in filter(_is_of_optax, dir(optax)):
        _register(name, getattr(optax, name))
    _register('train', trainings.Experiment)


_register_all()
add_provider(_provide)
