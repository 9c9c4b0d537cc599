"""Reading a prompt: the state of a model after it, by the full-sequence path.

The prompt is cut into pieces whose lengths are powers of two. Any length is such a sum, so no
piece is padded and the state is exact; all lengths together compile few programs; and the memory
that a long prompt takes does not grow with it.
"""

from typing import Any

import jax
import numpy as np

LONGEST = 512


def pieces(length: int, longest: int = LONGEST) -> list[int]:
    """Returns powers of two that add up to `length`, the longest first.

    >>> pieces(1037)
    [512, 512, 8, 4, 1]
    """
    whole, rest = divmod(length, longest)
    powers = [1 << i for i in reversed(range(rest.bit_length()))]
    return [longest] * whole + [p for p in powers if rest & p]


def prefill(read: Any, weights: Any, state: Any, ids: np.ndarray, key: jax.Array) -> Any:
    """Returns the state after reading ids.

    Shapes: ids (batch, t); t may be 0.

    Args:
      read: the compiled function (weights, state, ids, position, key) -> state.
      weights: the model's weights.
      state: the state to start from; it is donated.
      ids: what to read.
      key: the key of the whole generation.
    """
    position = 0
    for length in pieces(ids.shape[1]):
        piece = ids[:, position : position + length]
        state = read(weights, state, *jax.device_put((piece, np.int32(position))), key)
        position += length
    return state
