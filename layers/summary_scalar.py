"""SummaryScalar: a number about what flows, kept where it can be read."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import DictKey

from ..combinators import Layer


class SummaryScalar(Layer):
    """Passes its input on and keeps one number about it in its state.

    `model.state` has it after each call; a training notes it at each log point, among its metrics.

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


def summaries(state: Any) -> dict[str, Any]:
    """Returns the numbers in a state that SummaryScalar has put there, by 'summary_' and name."""
    ends = ((keys[-1:], number) for keys, number in jax.tree.leaves_with_path(state))
    by_name = ((key.key, number) for (*_, key), number in ends if isinstance(key, DictKey))
    return {name: number for name, number in by_name if str(name).startswith('summary_')}
