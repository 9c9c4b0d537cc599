"""Going on from snapshots: resume, and fork, which makes many texts of one."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ..combinators import as_key
from . import options, prompts
from .constraint import check_time
from .rows import take_rows
from .running import RowStreams, Stream
from .snapshot import Snapshot, Snapshots, check_batch, check_places, places
from .source import unread
from .steps import Program, plain
from .weights_print import check_weights


def resume(
    model: Any,
    snapshot: Stream | RowStreams | Snapshots,
    max_new_tokens: int | None = None,
    temperature: Any = None,
    seed: Any = None,
    *,
    other_weights: bool = False,
) -> Stream | RowStreams:
    """Returns a stream that goes on from a snapshot, as the one it was taken of would.

    A snapshot may be resumed many times; with another seed the text is another from the next token
    on.

    Args:
      model: of the definition and with the weights that the stream had.
      snapshot: from `Stream.snapshot` or `fork`, or a stream, which goes on undisturbed.
      max_new_tokens: how many more to make; as many as were left by default.
      temperature: another one; a number, or one for each row.
      seed: another one; an int or a jax key.
      other_weights: whether to go on although the weights are others.

    Raises:
      StateError: the snapshot is of another model or of other weights; the message names the path.
      ValueError: an argument does not fit.
    """
    if isinstance(snapshot, Stream | RowStreams):
        snapshot = snapshot.snapshot()
    parts = (snapshot,) if isinstance(snapshot, Snapshot) else snapshot
    size = len(parts[0].cursor.token)
    program = _program(model, parts, size, 'resume')
    if not other_weights:
        check_weights(parts[0].weights_print, program.named_weights, 'resume')
    if max_new_tokens is not None:
        max_new_tokens = prompts.count(max_new_tokens, 'max_new_tokens', who='resume')
    if temperature is not None:
        n_rows = size * len(parts)
        temperature = options.per_row(
            temperature, 'temperature', options.TEMPERATURE, n_rows, 'resume'
        ).reshape(-1, size)
    streams = []
    for i, part in enumerate(parts):
        changed = {} if temperature is None else {'temperature': temperature[i]}
        if seed is not None:
            changed['key'] = plain(as_key(seed))
        at = _at(part, max_new_tokens, part.settings._replace(**changed))
        streams.append(Stream('resume', program, at, first_row=i * size))
    if isinstance(snapshot, Snapshot):
        return streams[0]
    return RowStreams(streams, int(snapshot[0].settings.eos_id))


def fork(
    model: Any,
    snapshot: Stream | RowStreams | Snapshots,
    n: int,
    row_ids: Sequence[int] | None = None,
) -> Snapshots:
    """Returns a snapshot with n rows for each row of another: n texts that go on from one.

        running = retrax.stream(model, prompt, 1000)
        first = next(running)                                                # of one text
        for chunk in retrax.resume(model, retrax.fork(model, running, 16)):  # of 16 that go on

    Nothing is read again: the state of each row is repeated.

    Args:
      model: of the definition that the snapshot was made with.
      snapshot: from `Stream.snapshot`, or a stream, which goes on undisturbed.
      n: how many rows each row becomes; they lie beside each other.
      row_ids: the numbers that key the noise of the new rows. By default the first copy of a row
        keeps its number, and so its text, and the others have numbers that no row had.

    Raises:
      StateError: the snapshot is of another model, or the rows of its state cannot be told apart.
      ValueError: an argument does not fit.
    """
    n = prompts.count(n, 'n', least=1, who='fork')
    if isinstance(snapshot, Stream | RowStreams):
        snapshot = snapshot.snapshot()
    parts = (snapshot,) if isinstance(snapshot, Snapshot) else snapshot
    size = len(parts[0].cursor.token)
    axes = _program(model, parts, size, 'fork').axes
    if row_ids is None:
        ids = _copied_ids(np.concatenate([part.settings.row_ids for part in parts]), n)
    else:
        ids = options.row_ids(row_ids, size * len(parts) * n, 'fork')
    if isinstance(snapshot, Snapshot):
        copies = np.repeat(np.arange(size), n)
        state = take_rows(snapshot.state, copies, axes())
        return _renamed(snapshot._replace(state=state), copies, ids)
    copies = [part for part in parts for _ in range(n)]
    return tuple(_renamed(part, [0], ids[i : i + 1]) for i, part in enumerate(copies))


def _copied_ids(ids, n):
    """Returns numbers for n copies of each row: its own, and others that no row has."""
    ids, step = ids.astype(np.int64), int(ids.max()) + 1
    if n * step > 2**32:
        raise ValueError(
            f'fork: rows have numbers up to {step - 1}, so {n} copies of each cannot all have '
            'numbers of their own below 2**32; give them as row_ids, one for each copy'
        )
    return (ids[:, None] + np.arange(n) * step).astype(np.uint32).reshape(-1)


def _renamed(snapshot, rows, ids):
    """Returns some rows of a snapshot, whose state is of these rows, under other numbers."""
    settings = snapshot.settings.take(rows)._replace(row_ids=jax.device_put(ids))
    return snapshot._replace(cursor=snapshot.cursor.take(rows), settings=settings)


def _program(model, parts, size, who):
    program = Program(model.as_mode('predict'), size, who)
    mine = program.new_state(size)
    for part in parts:
        check_places(places(part.state), model, mine)
        check_batch(unread(program.predict, part.state), mine, who)
    return program


def _at(part, n_left, settings):
    counts = part.counts.copy()
    if n_left is not None:
        counts[0] = n_left
        if settings.constraint is not None:
            check_time(settings.constraint, part.cursor.states, n_left, 'resume')
            settings = settings._replace(until=part.cursor.position + np.int32(n_left))
    given = jax.device_put((part.state, part.cursor, settings))
    return Snapshot(*given, counts=counts)
