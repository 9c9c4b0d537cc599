"""From what a caller of `generate` or `stream` asks for to a stream that runs."""

import jax
import numpy as np

from ..combinators import as_key
from . import options, prompts
from .constraint import prepared
from .opening import Opening, opened
from .request import Request
from .running import RowStreams, Stream
from .snapshot import Snapshot
from .steps import Cursor, Settings, plain


def start(who: str, request: Request, keeps: bool = True) -> Stream | RowStreams:
    """Returns the stream that a request describes, behind its prompt.

    Args:
      who: the function that was called, for errors.
      request: what it was given.
      keeps: whether snapshots may be taken of the stream.

    Raises:
      ValueError: as `generate`.
    """
    n_tokens = prompts.count(request.max_new_tokens, 'max_new_tokens', who=who)
    n = prompts.count(request.n, 'n', least=1, who=who)
    prompt = prompts.rows_of(request.prompt, request.batch_size, who, request.prompt_lengths)
    given = request.model, prompt, request.source, request.start_id
    opening = opened(who, *given, n=None if request.deterministic else n)
    copies = np.repeat(np.arange(len(opening.prompt.ids)), n)
    each, n_rows = opening.take(copies), len(copies)  # a line for each row
    settings = _settings(who, request, n_rows, opening.n_ids)
    cursor = _cursor(each, settings)
    if request.constraint is not None:
        settings, cursor = _constrained(who, request, each, settings, cursor)
    counts = np.array([n_tokens, 0, request.return_log_probs], np.int32)
    if not request.deterministic:
        state = opening.read(settings.key, settings.row_ids, n)
        settings = settings._replace(source=each.source_ids)
        at = Snapshot(state, cursor, settings, counts)
        return Stream(who, opening.program, at, keeps=keeps)
    streams = []
    for row in range(n_rows):
        alone = each.take([row])
        own = settings.take([row])._replace(source=alone.source_ids)
        state = alone.read(own.key, own.row_ids)
        at = Snapshot(state, cursor.take([row]), own, counts)
        streams.append(Stream(who, opening.program, at, row, keeps))
    return RowStreams(streams, int(settings.eos_id))


def _settings(who: str, request: Request, n_rows: int, n_ids: int) -> Settings:
    same = (
        plain(as_key(request.seed)),
        options.row_ids(request.row_ids, n_rows, who),
        options.per_row(request.temperature, 'temperature', options.TEMPERATURE, n_rows, who),
        options.eos(request.eos_id, n_ids, who),
    )
    filters = options.filters(who, request, n_rows, n_ids)
    return Settings(*jax.device_put(same), filters=filters)


def _cursor(each: Opening, settings: Settings) -> Cursor:
    done = np.zeros(len(each.prompt.ids), bool)
    positions = each.prompt.lengths.astype(np.int32)
    seen = None
    if settings.filters.repetition_penalty is not None:
        seen = options.ids_mask(each.prompt.rows, each.n_ids, 'the prompt')
    return Cursor(*jax.device_put((each.to_read.last, done, positions, seen)))


def _constrained(
    who: str, request: Request, each: Opening, settings: Settings, cursor: Cursor
) -> tuple[Settings, Cursor]:
    """Returns settings and cursor of rows that follow automata."""
    n_rows, n_tokens = len(each.prompt.ids), request.max_new_tokens
    made = prepared(request.constraint, n_rows, each.n_ids, request.eos_id, n_tokens, who)
    constraint, states = jax.device_put(made)
    until = cursor.position + np.int32(n_tokens)
    return settings._replace(constraint=constraint, until=until), cursor._replace(states=states)
