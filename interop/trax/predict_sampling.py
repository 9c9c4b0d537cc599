"""Sampling from a model of two inputs in predict mode: one step of the decoder for each token."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...combinators import as_key, signature
from .eval_sampling import check, draw


def columns(
    model: Any, inputs: Any, temperature: float, start_id: Any, seed: Any
) -> Iterator[np.ndarray]:
    """Yields the next token of each row, (batch,), without end.

    The model reads `inputs` as its first input and the last token as its second, and gives scores
    as its first output. It begins with a new state, and its own is left as it is. The noise is that
    of `generate`.

    Raises:
      FloatingPointError: the model gave NaN.
    """
    view, key = model.as_mode('predict'), as_key(seed)
    token, position = start_id, 0
    _, state = view.init(signature((inputs, token)))

    def step(weights, state, inputs, token, temperature, key, position):
        (scores, *_), state = view.pure_fn((inputs, token), weights, state, key)
        return draw(scores, -1, temperature, key, position), state

    run = view.program('a token of two inputs', lambda: jax.jit(step))
    while True:
        given = jnp.asarray(inputs), jnp.asarray(token), temperature, key, position
        (chosen, is_right), state = run(view.weights, state, *given)
        check(is_right, position)
        yield np.asarray(chosen)
        token, position = chosen[:, None], position + 1
