"""Functions as layers: PureLayer, Fn, and the arithmetic of the stack."""

import inspect
from typing import Any

import jax.numpy as jnp

from .declarations import declare
from .errors import mismatch
from .layer import Layer
from .paths import label
from .stack import as_items, as_stack, flatten


class PureLayer(Layer):
    """A function of the inputs as a layer, without weights, state or randomness.

    Args:
      forward_fn: takes one array, or a tuple of n_in arrays; returns one array, or a tuple.
      n_in: how many inputs it takes.
      n_out: how many outputs it gives.
      name: the name to print.
      is_causal, couples_rows, stops_gradient: what the function is, as on every Layer; None says
        nothing.

    Source: Trax 1.4.1, trax.layers.base.PureLayer.
    """

    def __init__(
        self,
        forward_fn,
        n_in=1,
        n_out=1,
        name='PureLayer',
        is_causal=None,
        couples_rows=None,
        stops_gradient=None,
    ):
        super().__init__(n_in, n_out, name)
        self._forward_fn = forward_fn
        declare(self, is_causal=is_causal, couples_rows=couples_rows, stops_gradient=stops_gradient)

    @property
    def _tl_label(self):
        return label(self._name, type(self).__name__)

    def apply_fn(self, x, weights, state, context):
        y = self._forward_fn(x)
        return () if isinstance(y, tuple | list) and not y else y, state


def Fn(name: str, f: Any, n_out: int = 1, **declarations: bool | None) -> PureLayer:
    """Returns a layer that applies a function of n_in arrays, one argument each.

    >>> layer = Fn('SumAndMax', lambda x, y: (x + y, jnp.maximum(x, y)), n_out=2)
    >>> layer
    SumAndMax_in2_out2

    Args:
      name: the name to print.
      f: a function with positional arguments only; it tells n_in.
      n_out: how many arrays it returns.
      **declarations: what the function is, as PureLayer takes it, such as is_causal=False.

    Raises:
      ValueError: `f` has defaults, *args or **kwargs, so that n_in would be unclear.

    Source: Trax 1.4.1, trax.layers.base.Fn.
    """
    if isinstance(f, Layer) or not callable(f):
        raise ValueError(f'Fn({name!r}): expected a function, got {type(f).__name__}')
    spec = inspect.getfullargspec(f)
    if spec.defaults is not None or spec.kwonlydefaults is not None:
        raise ValueError(f'Fn({name!r}): the function has default arguments (not allowed)')
    if spec.varkw is not None or spec.kwonlyargs:
        raise ValueError(f'Fn({name!r}): the function has keyword arguments (not allowed)')
    if spec.varargs is not None:
        raise ValueError(f'Fn({name!r}): the function has variable arguments (not allowed)')
    n_in = len(spec.args) - (1 if inspect.ismethod(f) else 0)

    def on_stack(x):
        return f(*x) if isinstance(x, tuple | list) and n_in != 1 else f(x)

    return PureLayer(on_stack, n_in=n_in, n_out=n_out, name=name or 'Fn', **declarations)


def Add() -> PureLayer:
    """Returns a layer that adds the two top items: x0 + x1."""
    return _of_two('Add', lambda x0, x1: x0 + x1)


def SubtractTop() -> PureLayer:
    """Returns a layer that takes the top from what lies below: x1 - x0."""
    return _of_two('SubtractTop', lambda x0, x1: x1 - x0)


def Multiply() -> PureLayer:
    """Returns a layer that multiplies the two top items: x0 * x1."""
    return _of_two('Multiply', lambda x0, x1: x0 * x1)


def _of_two(name, f):
    def on_two(x0, x1):
        shapes = jnp.shape(x0), jnp.shape(x1)
        try:
            jnp.broadcast_shapes(*shapes)
        except (TypeError, ValueError) as error:
            raise mismatch(
                'the two top items',
                'shapes that are equal, or fit by broadcasting',
                f'{shapes[0]}, {shapes[1]}',
                'A Dense can bring one to the width of the other.',
            ) from error
        return f(x0, x1)

    return Fn(name, on_two)


def Gate() -> PureLayer:
    """Returns a layer that mixes memory and candidate: g * m + (1 - g) * c.

    Inputs: memory m, gate g, candidate c.

    Source: Srivastava et al. 2015, Highway Networks, arXiv 1505.00387, equation 3.
    """
    return Fn('Gate', lambda m, g, c: g * m + (1.0 - g) * c)


def Concatenate(n_items: int = 2, axis: int = -1) -> PureLayer:
    """Returns a layer that joins the top n_items along an axis.

    >>> Concatenate(3)((jnp.array([1, 2]), jnp.array([3, 4]), jnp.array([5, 6]))).tolist()
    [1, 2, 3, 4, 5, 6]
    """
    name = 'Concatenate' if axis == -1 else f'Concatenate_axis{axis}'

    def concatenate(xs):
        xs = as_items(xs)
        shapes = [jnp.shape(x) for x in xs]
        if len({len(s) for s in shapes}) > 1 or len({_without(s, axis) for s in shapes}) > 1:
            raise ValueError(
                f'expected shapes that differ at axis {axis} only, got '
                f'{", ".join(map(str, shapes))}. Bring the other axes to one size first.'
            )
        return jnp.concatenate(xs, axis)

    return PureLayer(concatenate, n_in=n_items, name=name)


def _without(shape, axis):
    axis = axis % max(len(shape), 1)
    return shape[:axis] + shape[axis + 1 :]


def Split(n_items: int = 2, axis: int = -1) -> PureLayer:
    """Returns a layer that cuts its input into n_items equal parts along an axis."""
    return PureLayer(
        lambda x: as_stack(tuple(jnp.split(x, n_items, axis))), n_out=n_items, name='Split'
    )


def FlattenList() -> PureLayer:
    """Returns a layer that flattens nested tuples and lists into one tuple."""
    return Fn('FlattenList', lambda x: tuple(flatten(x)))
