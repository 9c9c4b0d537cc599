"""CausalWindow: what layers that read the last steps of a sequence share, their memory."""

import abc
from typing import Any

import jax.numpy as jnp

from ..combinators import Layer, declare
from .checks import positive, same_batch
from .recurrent import check_sequence


class CausalWindow(Layer):
    """Reads the last `width` steps at each step; what lies before the first counts as 0.

    State: in predict and with carry, the last width - 1 inputs (b, width - 1, d), zeros at first;
    none if the width is 1.
    """

    def __init__(self, width: int, what: str, mode: str | None):
        super().__init__(mode=mode)
        self._before = positive(width, what) - 1  # how many steps before the first one are read
        declare(self, has_memory=self._before > 0)

    @abc.abstractmethod
    def over(self, longer: Any, weights: Any, context: Any) -> Any:
        """Returns outputs (b, t, n) of inputs with the steps before them (b, width - 1 + t, d)."""

    def state_fn(self, signature, context):
        return self._zeros(signature) if self._steps(context) else ()

    def apply_fn(self, x, weights, state, context):
        check_sequence(x)
        steps = self._steps(context)
        before = state if steps else self._zeros(x)
        same_batch(before, x)
        longer = jnp.concatenate([before, x], axis=1)
        return self.over(longer, weights, context), longer[:, x.shape[1] :] if steps else state

    def _steps(self, context):
        return context.steps and self._before > 0

    def _zeros(self, x):
        return jnp.zeros((x.shape[0], self._before, x.shape[2]), x.dtype)
