"""From what a caller of `generate` or `stream` asks for to a stream that runs."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ..combinators import as_key
from . import options, request
from .constraint import prepared
from .prefill import prefill
from .rows import batch_axes, take_rows
from .running import RowStreams, Stream
from .snapshot import Snapshot
from .steps import Cursor, Program, Settings, plain


def start(
    who: str,
    model: Any,
    prompt: Any,
    max_new_tokens: int,
    temperature: Any,
    seed: Any,
    batch_size: int,
    eos_id: int | None,
    n: int,
    prompt_lengths: Any,
    start_id: Any,
    row_ids: Sequence[int] | None,
    top_k: Any,
    top_p: Any,
    min_p: Any,
    repetition_penalty: Any,
    banned: Any,
    constraint: Any,
    return_log_probs: bool,
    deterministic: bool,
) -> Stream | RowStreams:
    """Returns the stream that `generate` describes, behind its prompt; `who` is for errors.

    Raises:
      ValueError: as `generate`.
    """
    n_tokens = request.count(max_new_tokens, 'max_new_tokens', who=who)
    batch_size = request.count(batch_size, 'batch_size', least=1, who=who)
    n = request.count(n, 'n', least=1, who=who)
    prompt = request.rows_of(prompt, batch_size, who, prompt_lengths)
    n_rows = len(prompt.ids) * n
    predict = model.as_mode('predict')
    first = options.start_ids(start_id, predict.start_id, len(prompt.ids), who)
    given = request.with_start(prompt, first, model.name, who)
    program = Program(predict, 1 if deterministic else n_rows, who)
    n_ids = program.steps.vocab_size
    given = given._replace(ids=request.check_ids(given.ids, n_ids, 'the prompt', who))
    eos = options.eos(eos_id, n_ids, who)
    filters = options.filters(n_rows, n_ids, repetition_penalty, banned, top_k, top_p, min_p, who)
    temperature = options.per_row(temperature, 'temperature', options.TEMPERATURE, n_rows, who)
    same = (plain(as_key(seed)), options.row_ids(row_ids, n_rows, who), temperature, eos)
    settings = Settings(*jax.device_put(same), filters=filters)
    copies = np.repeat(np.arange(len(prompt.ids)), n)
    cursor = _cursor(given.take(copies), prompt.take(copies), n_ids, filters)
    if constraint is not None:
        made, states = prepared(constraint, n_rows, n_ids, eos_id, n_tokens, who)
        made, states = jax.device_put((made, states))
        settings = settings._replace(constraint=made, until=cursor.position + np.int32(n_tokens))
        cursor = cursor._replace(states=states)
    counts = np.array([n_tokens, 0, return_log_probs], np.int32)

    if not deterministic:
        state = _read(program, given, settings.key, n)
        return Stream(who, program, Snapshot(state, cursor, settings, counts))
    streams = []
    for row, copy in enumerate(copies):
        state = _read(program, given.take([copy]), settings.key)
        at = Snapshot(state, cursor.take([row]), settings.take([row]), counts)
        streams.append(Stream(who, program, at, first_row=row))
    return RowStreams(streams, int(eos))


def _read(program, prompt, key, n=1):
    """Returns the state after a prompt, n times for each row; the rows are read once."""
    predict = program.predict
    state = predict.new_state(len(prompt.ids))
    state = prefill(program.steps.read, program.weights, state, prompt.without_last, key)
    if n == 1:
        return state
    return take_rows(state, np.repeat(np.arange(len(prompt.ids)), n), batch_axes(predict))


def _cursor(given, prompt, n_ids, filters):
    n_read = np.int32(given.lengths.max() - 1)
    done = np.zeros(len(given.ids), bool)
    penalised = filters.repetition_penalty is not None
    seen = options.ids_mask(prompt.rows, n_ids, 'the prompt') if penalised else None
    positions = prompt.lengths.astype(np.int32)
    return Cursor(*jax.device_put((given.last, done, n_read, positions, seen)))
