"""A generation that runs: chunks of tokens, one in flight ahead of the one that is read."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from .steps import CHUNK, NONE, Cursor, Page, Settings, Steps


class Stream(Iterator):
    """Yields tokens (batch, n) chunk by chunk, n at most 32, until all rows have met eos.

    The device makes a chunk while the host has the one before; nothing waits for a token.
    With return_log_probs it yields (tokens, log_probs).

    Raises:
      FloatingPointError: from `next`, if the model gave NaN, or no id that can be chosen.
    """

    def __init__(
        self,
        steps: Steps,
        weights: Any,
        state: Any,
        cursor: Cursor,
        settings: Settings,
        blank: Page,
        n_tokens: int,
    ):
        self._steps, self._weights, self._settings, self._blank = steps, weights, settings, blank
        self._state, self._cursor = state, cursor
        self.batch_size = blank.tokens.shape[1]
        self._n_left, self._n_given = n_tokens, 0  # not yet dispatched; given to the caller
        self._ahead: tuple[Page, jax.Array, int] | None = None

    def __next__(self) -> Any:
        chunk = self._ahead or self._dispatch()
        if chunk is None:
            raise StopIteration
        self._ahead = self._dispatch()
        page, done = jax.device_get(chunk[:2])
        tokens, log_probs = jax.tree.map(lambda lines: lines[: chunk[2]].T, page)
        if done.all():
            self._ahead, self._n_left = None, 0
        self._check(tokens)
        self._n_given += tokens.shape[1]
        return tokens if log_probs is None else (tokens, log_probs)

    def _dispatch(self):
        """Lets the device make the next chunk; returns its page, who is done after it, its size."""
        n = min(CHUNK, self._n_left)
        if n == 0:
            return None
        self._n_left -= n
        part = None if n == CHUNK else jax.device_put(np.int32(n))
        self._state, self._cursor, page = self._steps.write(
            self._weights, self._state, self._cursor, self._settings, self._blank, part
        )
        return page, self._cursor.done, n

    def _check(self, tokens):
        failed = np.argwhere(tokens == NONE)
        if len(failed):
            row, place = failed[0]
            raise FloatingPointError(
                f'generate: the scores of row {row} for new token {self._n_given + place} have no '
                'finite maximum among the ids that may be chosen, so no token can be chosen. A '
                'NaN among the weights does this: look at the weights, and at the loss of the '
                'training that made them. So do ids of probability 0, where the others are banned.'
            )
