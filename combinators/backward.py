"""Backward passes of a layer's own: `backward` in place of automatic differentiation."""

from collections.abc import Callable
from typing import Any

import jax

from . import adapter, passes
from .context import Ambient, Context, within
from .errors import LayerError
from .signature import signature

Run = Callable[[Any, Any, Any, Context], tuple[Any, Any]]


def apply(layer: Any, run: Run, x: Any, weights: Any, state: Any, context: Context) -> Any:
    """Runs a layer so that its `backward` gives the gradients of inputs and weights.

    No gradient goes through its state. The key is an argument like the others: what a backward
    pass took from the enclosing scope would be out of scope when it runs inside `lax.scan`.
    """

    @jax.custom_vjp
    def function(x, weights, state, rng):
        return run(x, weights, state, context.replace(rng=rng))

    def forward(x, weights, state, rng):
        y, new_state = function(x, weights, state, rng)
        return (y, new_state), (
            x if layer._tl_saves_inputs else None,
            y,
            weights,
            state,
            new_state,
            rng,
        )

    def backward(saved, gradients):
        *values, rng = saved
        x, y, weights, state, new_state = values
        here = context.replace(rng=rng)
        try:
            with within(Ambient(layer, here)):
                copy = adapter.twin(layer, here, weights, state)
                grads = copy.backward(x, y, gradients[0], weights, state, new_state, copy.rng)
        except LayerError:
            raise
        except Exception as error:
            raise passes.layer_error(layer, 'differentiating', here, signature(y), error) from error
        return (*grads, None, None)

    function.defvjp(forward, backward)
    return function(x, weights, state, context.rng)
