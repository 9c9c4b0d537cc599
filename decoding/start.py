"""From what a caller of `generate` or `stream` asks for to a stream that runs."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ..combinators import as_key
from . import options, request
from .constraint import prepared
from .prefill import prefill
from .running import Stream
from .snapshot import Snapshot
from .steps import CHUNK, Cursor, Page, Settings, prepare


def start(
    who: str,
    model: Any,
    prompt: Any,
    max_new_tokens: int,
    temperature: Any,
    seed: Any,
    batch_size: int,
    eos_id: int | None,
    prompt_lengths: Any,
    row_ids: Sequence[int] | None,
    top_k: Any,
    top_p: Any,
    min_p: Any,
    repetition_penalty: Any,
    banned: Any,
    constraint: Any,
    return_log_probs: bool,
) -> Stream:
    """Returns the stream that `generate` describes, behind its prompt; `who` is for errors.

    Raises:
      ValueError: as `generate`.
    """
    n_tokens = request.count(max_new_tokens, 'max_new_tokens', who=who)
    batch_size = request.count(batch_size, 'batch_size', least=1, who=who)
    prompt = request.rows_of(prompt, batch_size, who, prompt_lengths)
    batch_size = len(prompt.ids)
    predict = model.as_mode('predict')
    given = request.with_start(prompt, predict.start_id, model.name, who)
    steps, weights, state = prepare(predict, batch_size, who)
    n_ids = steps.vocab_size
    given = given._replace(ids=request.check_ids(given.ids, n_ids, 'the prompt', who))
    eos = options.eos(eos_id, n_ids, who)
    filters = options.filters(
        batch_size, n_ids, repetition_penalty, banned, top_k, top_p, min_p, who
    )
    temperature = options.per_row(temperature, 'temperature', options.TEMPERATURE, batch_size, who)
    same = _plain(as_key(seed)), _row_ids(row_ids, batch_size, who), temperature, eos
    settings = Settings(*jax.device_put(same), filters=filters)
    seen = states = None
    if repetition_penalty is not None:
        seen = options.ids_mask(prompt.rows, n_ids, 'the prompt', who)
    if constraint is not None:
        made, states = prepared(constraint, batch_size, n_ids, eos_id, n_tokens, who)
        until = (prompt.lengths + n_tokens).astype(np.int32)
        made, until = jax.device_put((made, until))
        settings = settings._replace(constraint=made, until=until)
    cursor = _cursor(given, prompt.lengths, seen, states)
    state = prefill(steps.read, weights, state, given.without_last, settings.key)
    blank = _blank(batch_size, return_log_probs)
    counts = np.array([0, n_tokens, 0], np.int32)
    return Stream(who, steps, weights, Snapshot(state, cursor, settings, blank, counts))


def _row_ids(row_ids, batch_size, who):
    rows = np.arange(batch_size) if row_ids is None else np.asarray(row_ids)
    if rows.shape != (batch_size,):
        raise ValueError(f'{who}: row_ids has shape {rows.shape} for {batch_size} rows')
    return rows.astype(np.uint32)


def _cursor(given, positions, seen, states):
    done = np.zeros(len(given.ids), bool)
    n_read = np.int32(given.lengths.max() - 1)
    positions = positions.astype(np.int32)
    return Cursor(*jax.device_put((given.last, done, n_read, positions, seen, states)))


def _blank(batch_size, with_log_probs):
    shape = CHUNK, batch_size
    log_probs = np.zeros(shape, np.float32) if with_log_probs else None
    return Page(*jax.device_put((np.zeros(shape, np.int32), log_probs)))


def _plain(key):
    """Returns a typed key of jax's default kind as its numbers, which a file can hold."""
    is_typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(key) if is_typed and key.dtype == jax.random.key(0).dtype else key
