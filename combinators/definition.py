"""Fingerprints of definitions: equal for models that compute the same thing from their state.

A definition is the class of a layer and what its constructor was given, also by a decorator,
without what does not change its meaning for a state: mode, name and initialisers.
"""

import functools
import hashlib
import inspect
import types
from typing import Any

import jax.core
import numpy as np


def fingerprint(layer: Any) -> str:
    """Returns 16 hexadecimal digits that tell a definition from another."""
    return hashlib.blake2s(describe(layer).encode(), digest_size=8).hexdigest()


def describe(value: Any) -> str:
    """Returns a text that is equal for equal values, also in another process."""
    if hasattr(value, '_tl_definition'):
        return _describe_layer(value)
    if isinstance(value, types.FunctionType | functools.partial | types.MethodType):
        return _describe_function(value)
    if isinstance(value, tuple | list):
        return '[' + ','.join(describe(v) for v in value) + ']'
    if isinstance(value, dict):
        return '{' + ','.join(f'{k}:{describe(v)}' for k, v in sorted(value.items())) + '}'
    if isinstance(value, np.ndarray | jax.Array) and not isinstance(value, jax.core.Tracer):
        array = np.asarray(value)
        return f'{array.dtype}{array.shape}{hashlib.blake2s(array.tobytes()).hexdigest()}'
    if isinstance(value, str | int | float | complex | bool | bytes | type(None)):
        return repr(value)
    wrapped = getattr(value, '__wrapped__', None)
    if callable(value) and wrapped is not None:  # such as jax.jit's functions
        return describe(wrapped)
    if isinstance(value, types.CodeType):
        consts = describe([c for c in value.co_consts if not isinstance(c, types.CodeType)])
        return f'{value.co_code.hex()}{value.co_names}{consts}'
    kind = value if isinstance(value, type) else type(value)
    name = f'.{value.__name__}' if callable(value) and hasattr(value, '__name__') else ''
    return f'{kind.__module__}.{kind.__qualname__}{name}'


def _describe_layer(layer):
    args, kwargs = layer._tl_definition
    cls, filled = type(layer), layer._tl_filled
    own = _described({**_bind(cls, args, kwargs), **filled.get(cls, {})})
    bases = [base.__name__ + _described(given) for base, given in filled.items() if base != cls]
    return cls.__name__ + own + ''.join(bases)


def _described(arguments):
    return describe({name: value for name, value in arguments.items() if _matters(name)})


def _matters(parameter):
    shown = ('mode', 'name', 'sublayers_to_print')  # what is printed would be described twice
    return not (parameter in shown or parameter.endswith('_initializer'))


@functools.lru_cache(maxsize=1024)
def _parameters(cls):
    return inspect.signature(cls.__init__)


def _bind(cls, args, kwargs):
    bound = _parameters(cls).bind(None, *args, **kwargs)
    bound.apply_defaults()
    return dict(list(bound.arguments.items())[1:])


def _describe_function(f):
    if isinstance(f, functools.partial):
        return f'partial({describe(f.func)},{describe(f.args)},{describe(f.keywords)})'
    name = f'{f.__module__}.{f.__qualname__}'
    f = getattr(f, '__func__', f)
    values = [_cell_value(cell) for cell in f.__closure__ or ()]
    # Our own functions and jax's are known by name: their byte code may change with a version.
    code = '' if (f.__module__ or '').startswith(('retrax.', 'jax.')) else describe(f.__code__)
    return f'{name}{describe(values)}{describe(f.__defaults__)}{code}'


def _cell_value(cell):
    try:
        return cell.cell_contents
    except ValueError:  # a name that is bound later, as in a recursive function
        return None
