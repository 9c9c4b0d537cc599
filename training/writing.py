"""Writing the second text of a model of two: the most probable token at each step."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..combinators import signature


def write(model: Any, sources: np.ndarray, length: int) -> np.ndarray:
    """Returns the ids that a model writes for each source, greedily; nothing ends a row before.

    The source is read once, then the decoder makes a step for each token, all of them on the
    device. The model's own state is left alone.

    Shapes: sources (b, s) -> (b, length).

    Args:
      model: takes two texts and gives scores of the second first; has weights.
      sources: ids, padded on the right with 0.
      length: how many tokens to write.
    """
    view = model.as_mode('predict')
    start = np.full((len(sources), 1), view.start_id or 0, np.int32)
    _, state = view.init(signature((sources, start)))
    run = view.program(
        ('write', length), lambda: jax.jit(functools.partial(_written, view, length))
    )
    return np.asarray(run(view.weights, state, sources, start))


def _written(view, length, weights, state, sources, start):
    def step(held, _):
        token, state = held
        (scores, *_), state = view.pure_fn((sources, token), weights, state, None)
        token = jnp.argmax(scores, axis=-1).astype(token.dtype)
        return (token, state), token[:, 0]

    _, tokens = jax.lax.scan(step, (start, state), length=length)
    return tokens.T
