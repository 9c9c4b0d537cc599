"""A generation that runs: chunks of tokens, one in flight ahead of the one that is read."""

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from ..combinators import as_key
from . import options, request
from .constraint import check_time
from .snapshot import Snapshot, check_batch, check_places, copied, places
from .steps import CHUNK, NONE, Page, Steps, prepare


class Stream(Iterator):
    """Yields tokens (batch, n) chunk by chunk, n at most 32, until all rows have met eos.

    The device makes a chunk while the host has the one before; nothing waits for a token.
    With return_log_probs it yields (tokens, log_probs).

    Raises:
      FloatingPointError: from `next`, if the model gave NaN, or no id that can be chosen.
    """

    def __init__(self, who: str, steps: Steps, weights: Any, at: Snapshot):
        self._who = who  # for errors
        self._steps, self._weights, self._settings = steps, weights, at.settings
        self._state, self._cursor, self._page = at.state, at.cursor, at.page
        n_ahead, self._n_left, self._n_given = map(int, at.counts)
        self._ahead: tuple[Page, jax.Array, int] | None = None
        if n_ahead:
            self._ahead = at.page, at.cursor.done, n_ahead

    @property
    def batch_size(self) -> int:
        """How many rows there are."""
        return self._page.tokens.shape[1]

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

    def snapshot(self) -> Snapshot:
        """Returns where the stream stands, for `resume`; the stream goes on undisturbed.

        The tokens of the chunk in flight are drawn already, and are part of it.
        """
        page, _, n_ahead = self._ahead or (self._page, None, 0)
        counts = np.array([n_ahead, self._n_left, self._n_given], np.int32)
        return copied(Snapshot(self._state, self._cursor, self._settings, page, counts))

    def _dispatch(self):
        """Lets the device make the next chunk; returns its page, who is done after it, its size."""
        n = min(CHUNK, self._n_left)
        if n == 0:
            return None
        self._n_left -= n
        part = None if n == CHUNK else jax.device_put(np.int32(n))
        self._state, self._cursor, page = self._steps.write(
            self._weights, self._state, self._cursor, self._settings, self._page, part
        )
        return page, self._cursor.done, n

    def _check(self, tokens):
        failed = np.argwhere(tokens == NONE)
        if len(failed):
            row, place = failed[0]
            raise FloatingPointError(
                f'{self._who}: the scores of row {row} for new token {self._n_given + place} have '
                'no finite maximum among the ids that may be chosen, so no token can be chosen. A '
                'NaN among the weights does this: look at the weights, and at the loss of the '
                'training that made them. So do ids of probability 0, where the others are banned '
                'or against the constraint.'
            )


def resume(
    model: Any,
    snapshot: Snapshot,
    max_new_tokens: int | None = None,
    temperature: Any = None,
    seed: Any = None,
) -> Stream:
    """Returns a stream that goes on from a snapshot, as the one it was taken of would.

    A snapshot may be resumed many times; with another seed the text forks behind the chunk that
    was in flight. The model must have the weights that the stream had for an equal text.

    Args:
      model: of the definition that the snapshot was made with.
      snapshot: from `Stream.snapshot`.
      max_new_tokens: how many more to make behind the chunk that was in flight; as many as were
        left by default.
      temperature: another one; a number, or one for each row.
      seed: another one; an int or a jax key.

    Raises:
      StateError: the snapshot is of another model; the message names the path.
      ValueError: an argument does not fit.
    """
    predict, batch_size = model.as_mode('predict'), len(snapshot.cursor.token)
    steps, weights, state = prepare(predict, batch_size, 'resume')
    check_places(places(snapshot.state), model, state)
    check_batch(snapshot.state, state)
    settings, counts = snapshot.settings, snapshot.counts.copy()
    if max_new_tokens is not None:
        counts[1] = request.count(max_new_tokens, 'max_new_tokens', who='resume')
        if settings.constraint is not None:
            check_time(settings.constraint, snapshot.cursor.states, counts[1], 'resume')
            settings = settings._replace(until=snapshot.cursor.position + counts[1])
    if temperature is not None:
        rows = options.per_row(
            temperature, 'temperature', options.TEMPERATURE, batch_size, 'resume'
        )
        settings = settings._replace(temperature=rows)
    if seed is not None:
        settings = settings._replace(key=as_key(seed))
    arrays = jax.device_put(snapshot._replace(settings=settings, counts=None))
    return Stream('resume', steps, weights, arrays._replace(counts=counts))
