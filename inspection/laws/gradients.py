"""Law 5: gradients are finite, and the numerical ones in float64."""

from collections.abc import Callable
from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from ...combinators import Layer, Observer, observing, signature
from .declared import judged
from .finding import Finding, Spot, broken, kept, place
from .subject import KEY, ROWS, Subject

NOT_FINITE = 'a gradient is not finite'


def gradients_are_the_numerical_ones(subject: Subject) -> Finding:
    """Along a random direction, in float64, where differences of close numbers have digits."""
    view, x = subject.view('train'), subject.draw(0)
    state = view.new_state(ROWS)
    with jax.enable_x64(True):
        found = wrong_gradient(
            lambda x, weights: view.pure_fn(x, weights, state, KEY)[0], (x, view.weights)
        )
        spot = lambda: _first_wrong(view, x, state)  # noqa: E731
        claim = subject.declared.stops_gradient
        if found == NOT_FINITE or (found and claim is False):
            return broken(found, place(spot()))
        if not (found or claim):
            return kept('finite, and the numerical ones along a random direction')
        return judged(subject.model, 'hold gradients back', claim, found, 'stops_gradient', spot)


def wrong_gradient(function: Callable[..., Any], args: Any) -> str:
    """Says how the gradient of a function at args, in the float32 in them, is wrong; '' if not."""
    leaves, structure = jax.tree.flatten(args)
    is_float = [jnp.result_type(a) in (np.float32, np.float64) for a in leaves]
    point = [np.asarray(a, np.float64) for a, f in zip(leaves, is_float, strict=True) if f]

    @jax.jit
    @jax.value_and_grad
    def total(point: Any) -> Any:
        floats = iter(point)
        filled = [next(floats) if f else a for a, f in zip(leaves, is_float, strict=True)]
        y = function(*jax.tree.unflatten(structure, filled))
        parts = [a for a in jax.tree.leaves(y) if jnp.issubdtype(a.dtype, jnp.floating)]
        return sum((jnp.sum(a * jnp.cos(jnp.arange(a.size)).reshape(a.shape)) for a in parts), 0.0)

    random = np.random.default_rng(0)
    direction = [random.normal(size=a.shape) for a in point]
    ends = [[p + e * d for p, d in zip(point, direction, strict=True)] for e in (1e-6, -1e-6)]
    numerical = (total(ends[0])[0] - total(ends[1])[0]) / 2e-6
    gradient = [np.asarray(g) for g in total(point)[1]]
    if not all(np.isfinite(g).all() for g in gradient):
        return NOT_FINITE
    along = sum((np.sum(g * d) for g, d in zip(gradient, direction, strict=True)), 0.0)
    if np.isclose(along, numerical, rtol=1e-6, atol=1e-7):
        return ''
    return f'along a random direction the gradient is {along:.8g}, numerically {numerical:.8g}'


def _first_wrong(view: Layer, x: Any, state: Any) -> Spot:
    """Returns the first layer whose own gradient is wrong, if one is wrong alone."""
    record = _Calls()
    with observing(record):
        view.pure_fn(x, view.weights, state, KEY)
    for layer, context, x, weights in record.calls:

        def alone(x: Any, weights: Any, layer: Layer = layer, context: Any = context) -> Any:
            return layer.run(x, weights, layer.state_fn(signature(x), context), context)[0]

        if wrong_gradient(alone, (x, weights)):
            return layer, context.location
    return None


class _Calls(Observer):
    """What layers without parts were called with, outside of traces of their own."""

    def __init__(self):
        self.inputs: dict[str, Any] = {}
        self.calls: list[tuple[Layer, Any, Any, Any]] = []

    def before(self, layer, context, x):
        self.inputs[context.location] = x

    def after(self, layer, context, weights, y):
        x = self.inputs[context.location]
        traced = any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves((x, weights)))
        if not layer._sublayers and not traced:
            self.calls.append((layer, context, x, weights))
