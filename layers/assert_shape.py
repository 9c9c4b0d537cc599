"""Shapes written down and checked: 'bsd,df->bsf'.

Each letter is the size of an axis, equal letters are equal sizes, a digit is that size, and `...`
is any number of axes, the same wherever it stands. Arrays are separated by commas.
"""

import functools
import inspect
import string
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from ..combinators import Layer, Serial
from ..combinators.errors import creation_site


def assert_shape(specification: str) -> Callable[[Any], Any]:
    """Returns a decorator that checks the shapes of a layer's inputs and outputs at each run.

        @assert_shape('...a->...b')
        class Project(tl.Layer): ...

        @assert_shape('...d->...')
        def SumOfFeatures(): return tl.Sum(axis=-1)

    Args:
      specification: shapes of inputs and outputs, with '->' between.

    Raises:
      ValueError: a specification that cannot be read.

    Source: Trax 1.4.1, trax.layers.assert_shape.
    """
    message = _defined_here()
    specs = _parts(specification)

    def decorate(target: Any) -> Any:
        if inspect.isclass(target) and issubclass(target, Layer):
            target.run = _checked(target.run, specs, message)
            return target

        @functools.wraps(target)
        def make(*args, **kwargs):
            return AssertFunction(specification, target(*args, **kwargs), message)

        return make

    return decorate


class AssertFunction(Serial):
    """A layer with its shapes checked; the arguments are those of `assert_shape`, and the layer.

    Args:
      specification: shapes of inputs and outputs, with '->' between.
      layer: the layer.
      message: what an error says at its end; where this was written, by default.

    Raises:
      ValueError: a specification that cannot be read.

    Source: Trax 1.4.1, trax.layers.assert_shape.AssertFunction.
    """

    def __init__(self, specification: str, layer: Layer, message: str | None = None):
        super().__init__(layer, name='Serial')  # it prints as in Trax
        specs, message = _parts(specification), message or _defined_here()
        self._run_checked = _checked(Serial.apply_fn, specs, message)

    @property
    def _tl_label(self):
        return type(self).__name__

    def apply_fn(self, x, weights, state, context):
        return self._run_checked(self, x, weights, state, context)


class AssertShape(Layer):
    """Checks shapes and gives back what it was given, the very same objects.

    Args:
      spec: the shapes.
      message: what an error says at its end; where this was written, by default.
      visible_layer: whether it prints inside a model.

    Raises:
      ValueError: a character that is no letter, digit, point or comma.

    Source: Trax 1.4.1, trax.layers.assert_shape.AssertShape.
    """

    def __init__(self, spec: str, message: str | None = None, visible_layer: bool = False):
        _check_characters(spec)
        n = len(spec.split(','))
        super().__init__(n, n, name='AssertShape' if visible_layer else '')
        self._spec, self._message = spec, message or _defined_here()

    def __call__(self, x: Any, weights: Any = None, state: Any = None, rng: Any = None) -> Any:
        """Checks `x` and returns it."""
        super().__call__(x, weights, state, rng)
        return x

    def apply_fn(self, x, weights, state, context):
        _check(self._spec, x, {}, self._message)
        return x, state


def _checked(run, specs, message):
    """Returns `run` of a layer with its first argument and its outputs checked."""

    @functools.wraps(run)
    def checked(self, x, weights, state, context):
        sizes: dict[str, Any] = {}
        _check(specs[0], x, sizes, f'{message}, inputs')
        y, new_state = run(self, x, weights, state, context)
        _check(specs[1], y, sizes, f'{message}, outputs')
        return y, new_state

    return checked


def _check(spec, arrays, sizes, message):
    """Raises ValueError unless the arrays are as `spec` says; `sizes` are known, and added to."""
    shapes = [jnp.shape(a) for a in (arrays if isinstance(arrays, tuple | list) else (arrays,))]
    specs = spec.split(',')
    known = dict(sizes)
    if len(shapes) == len(specs) and all(map(_fits, specs, shapes, [sizes] * len(specs))):
        return
    where = ', '.join(f'{k} = {v}' for k, v in known.items())
    raise ValueError(
        f'expected shapes {spec!r}{f" where {where}" if where else ""}, got '
        f'{", ".join(map(str, shapes))}. {message}'
    )


def _fits(spec, shape, sizes):
    before, dots, after = spec.partition('...')
    if '.' in before + after:
        raise ValueError(f"a shape has at most one '...' and no other point, got {spec!r}")
    n = len(shape) - len(before) - len(after)
    if n < 0 or (n > 0 and not dots):
        return False
    start, end = len(before), len(before) + n
    covered = [shape[start:end]] if dots else []
    names = filter(None, [*before, dots, *after])
    found = [*shape[:start], *covered, *shape[end:]]
    return all(_bind(name, size, sizes) for name, size in zip(names, found, strict=True))


def _bind(name, size, sizes):
    expected = int(name) if name.isdigit() else sizes.setdefault(name, size)
    return expected == size


def _parts(specification):
    parts = specification.split('->')
    if len(parts) != 2:
        raise ValueError(f"expected shapes 'inputs->outputs', got {specification!r}")
    for part in parts:
        _check_characters(part)
    return parts


def _check_characters(spec):
    unknown = set(spec) - set(string.ascii_letters + string.digits + '.,')
    if unknown:
        raise ValueError(f'shapes have letters, digits, points and commas, got {spec!r}')


def _defined_here():
    return f'Defined at {creation_site()}'
