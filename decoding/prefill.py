"""Reading prompts: the state of a model after them, by the full-sequence path.

A prompt is cut into pieces whose lengths are powers of two, the longest first. Any length is such a
sum, so no piece is padded and the state is exact; all lengths together compile few programs; and
the memory that a prompt takes grows neither with its length nor, from 32 rows on, with theirs.

Rows of different lengths are cut each by itself. The batch takes one turn for each length of a
piece; a row that has no such piece keeps its state. Together they take as many turns as the longest
row alone, and at most nine more.
"""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from .prompts import Prompt

LONGEST = 512
TOGETHER = 32 * LONGEST  # ids of all rows that are read at once, about


def longest_piece(n_rows: int) -> int:
    """Returns the power of two that pieces of so many rows begin with.

    >>> longest_piece(1), longest_piece(128), longest_piece(100_000)
    (512, 128, 1)
    """
    return min(LONGEST, 1 << max(0, (TOGETHER // n_rows).bit_length() - 1))


def pieces(length: int, longest: int = LONGEST) -> list[int]:
    """Returns powers of two that add up to `length`, the longest first.

    >>> pieces(1037)
    [512, 512, 8, 4, 1]
    """
    return [size for size, _ in turns(np.array([length]), longest)]


def turns(lengths: np.ndarray, longest: int = LONGEST) -> Iterator[tuple[int, np.ndarray]]:
    """Yields the length of a piece, and which rows have one, until each row has read its length.

    >>> [(size, rows.tolist()) for size, rows in turns(np.array([5, 4, 0]))]
    [(4, [True, True, False]), (1, [True, False, False])]
    """
    whole, rest = np.divmod(lengths, longest)
    for i in range(whole.max(initial=0)):
        yield longest, whole > i
    for bit in reversed(range((longest - 1).bit_length())):
        rows = (rest >> bit) % 2 == 1
        if rows.any():
            yield 1 << bit, rows


def prefill(
    read: Any,
    weights: Any,
    state: Any,
    prompt: Prompt,
    key: jax.Array,
    row_ids: Any,
    source: Any = None,
    longest: int = LONGEST,
) -> Any:
    """Returns the state after reading a prompt.

    Args:
      read: the compiled function `Steps.read`.
      weights: the model's weights.
      state: the state to start from; it is donated.
      prompt: what to read.
      key: the key of the whole generation.
      row_ids: the numbers that key what rows draw.
      source: what a model of two inputs has read.
      longest: how many ids a piece has at most, a power of two.
    """
    n_read = np.zeros_like(prompt.lengths)
    for size, rows in turns(prompt.lengths, longest):
        # What a row that does not read is given makes no difference, as long as it is there.
        places = np.minimum(n_read[:, None] + np.arange(size), prompt.ids.shape[1] - 1)
        piece = np.take_along_axis(prompt.ids, places, axis=1)
        some = None if rows.all() else rows
        given = jax.device_put((piece, row_ids, n_read.astype(np.int32), some))
        state = read(weights, state, key, source, *given)
        n_read = n_read + size * rows
    return state
