"""SummaryScalar: a number about what flows, kept where it can be read."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from ..combinators import Layer


class SummaryScalar(Layer):
    """Passes its input on and keeps one number about it in its state.

    `model.state` has it after each call, and at each log point of a training.

    Args:
      name: the number is `state['summary_' + name]`.
      aggregation_fun: makes the number of the input.

    State: {'summary_<name>': () float32}, of the last input, 0 at first.

    Source: Trax 1.4.1, trax.layers.core.SummaryScalar, which shows it in TensorBoard.
    """

    keeps_statistics = True

    def __init__(self, name: str, aggregation_fun: Callable[..., Any] = jnp.mean):
        super().__init__(name=f'Summary_{name}')
        self._key, self._aggregation_fun = f'summary_{name}', aggregation_fun

    def state_fn(self, signature, context):
        return {self._key: jnp.zeros((), jnp.float32)}

    def apply_fn(self, x, weights, state, context):
        return x, {self._key: jnp.asarray(self._aggregation_fun(x), jnp.float32)}
