"""A generation that runs: chunks of tokens, one in flight ahead of the one that is read."""

import collections
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from .room import told_room
from .snapshot import Snapshot
from .steps import CHUNK, NONE, Cursor, Page, Program


class _Chunk(NamedTuple):
    page: Page
    state: Any  # of the model, behind the chunk
    cursor: Cursor
    n: int  # how many lines of the page count


class _Seen(NamedTuple):
    made: Any  # what `next` gives: tokens (batch, n), or with their log-probabilities
    is_last: bool


class Stream(Iterator):
    """Yields tokens (batch, n) chunk by chunk, n at most 32, until all rows have met eos.

    The device makes a chunk while the host has the one before; nothing waits for a token.
    With return_log_probs it yields (tokens, log_probs).

    It stands behind the tokens that it has yielded while the next chunk is made, so that a snapshot
    needs no copy, and another seed takes effect at the next token. With keeps=False there are no
    snapshots, and each chunk is made in the place of the state before it. A `next` that did not
    return, as Ctrl-C or an error came between, has moved nothing: the next one gives the same.

    Raises:
      FloatingPointError: from `next`, if the model gave NaN, or no id that can be chosen.
    """

    def __init__(
        self, who: str, program: Program, at: Snapshot, first_row: int = 0, keeps: bool = True
    ):
        self._who, self._first_row = who, first_row  # for errors
        self._keeps = keeps
        self._program, self._settings = program, at.settings
        self._state, self._cursor = at.state, at.cursor  # behind what the caller has
        self._n_left, self._n_given, with_log_probs = map(int, at.counts)
        self._blank = _blank(self.batch_size, bool(with_log_probs))
        self._in_flight: collections.deque[_Chunk] = collections.deque()

    @property
    def batch_size(self) -> int:
        """How many rows there are."""
        return len(self._cursor.token)

    def __next__(self) -> Any:
        seen = self._look()
        if seen is None:
            raise StopIteration
        self._pass_by(seen)
        return seen.made

    def _look(self) -> '_Seen | None':
        """Waits for the tokens that come next, and stays before them; None at the end."""
        self._dispatch()
        if not self._in_flight:
            return None
        chunk = self._in_flight[0]
        page, done = jax.device_get((chunk.page, chunk.cursor.done))
        tokens, log_probs = jax.tree.map(lambda lines: lines[: chunk.n].T, page)
        self._check(tokens)
        return _Seen(tokens if log_probs is None else (tokens, log_probs), done.all())

    def _pass_by(self, seen: '_Seen') -> None:
        """Goes on behind the tokens that `_look` has seen."""
        chunk = self._in_flight.popleft()
        self._state, self._cursor = chunk.state, chunk.cursor  # where it keeps none, written over
        self._n_left -= chunk.n
        self._n_given += chunk.n
        if seen.is_last:
            self._in_flight.clear()
            self._n_left = 0

    def snapshot(self) -> Snapshot:
        """Returns where the stream stands, for `resume`: behind the tokens that it has yielded.

        The stream goes on undisturbed. The first one reads all weights, for their fingerprint.
        """
        counts = np.array([self._n_left, self._n_given, self._blank.log_probs is not None])
        counts, print_ = counts.astype(np.int32), self._program.weights_print
        return Snapshot(self._state, self._cursor, self._settings, counts, print_)

    def _dispatch(self):
        """Lets the device make chunks until two are under way, or all that are to be made."""
        while len(self._in_flight) < 2:
            n = min(CHUNK, self._n_left - sum(chunk.n for chunk in self._in_flight))
            if n == 0:
                return
            state, cursor = self._state, self._cursor
            if self._in_flight:
                state, cursor = self._in_flight[-1].state, self._in_flight[-1].cursor
            part = None if n == CHUNK else jax.device_put(np.int32(n))
            weights, steps = self._program.weights, self._program.steps
            write = steps.write if self._keeps else steps.write_over
            state, cursor, page = write(weights, state, cursor, self._settings, self._blank, part)
            self._in_flight.append(_Chunk(page, state, cursor, n))

    def _check(self, tokens):
        failed = np.argwhere(tokens == NONE)
        if len(failed):
            row, place = failed[0] + (self._first_row, self._n_given)
            raise FloatingPointError(
                f'{self._who}: the scores of row {row} for new token {place} have no finite '
                'maximum among the ids that may be chosen, so no token can be chosen. A NaN among '
                'the weights does this: look at the weights, and at the loss of the training that '
                'made them. So do ids of probability 0, where the others are banned or against '
                f'the constraint.{told_room(self._program.predict)}'
            )


def _blank(batch_size, with_log_probs):
    shape = CHUNK, batch_size
    log_probs = np.zeros(shape, np.float32) if with_log_probs else None
    return Page(*jax.device_put((np.zeros(shape, np.int32), log_probs)))


class RowStreams(Iterator):
    """Yields what a Stream yields, from streams of one row each: rows know nothing of each other.

    Raises:
      FloatingPointError: as Stream.
    """

    def __init__(self, streams: list[Stream], eos_id: int):
        self._streams, self._eos_id = streams, eos_id

    @property
    def batch_size(self) -> int:
        """How many rows there are."""
        return len(self._streams)

    def __next__(self) -> Any:
        found = [stream._look() for stream in self._streams]
        for stream, seen in zip(self._streams, found, strict=True):
            if seen is not None:
                stream._pass_by(seen)
        chunks = [seen and seen.made for seen in found]
        there = next((chunk for chunk in chunks if chunk is not None), None)
        if there is None:
            raise StopIteration
        if isinstance(there, tuple):
            end = np.full_like(there[0], self._eos_id), np.zeros_like(there[1])
        else:
            end = np.full_like(there, self._eos_id)
        chunks = [end if chunk is None else chunk for chunk in chunks]
        return jax.tree.map(lambda *rows: np.concatenate(rows), *chunks)

    def snapshot(self) -> tuple[Snapshot, ...]:
        """Returns where the stream of each row stands, for `resume`."""
        return tuple(stream.snapshot() for stream in self._streams)
