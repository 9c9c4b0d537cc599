"""generate: from a model and a prompt to new tokens.

The loop over tokens runs on the device. The host dispatches one chunk of tokens at a time, ahead
of the device, and reads the tokens at the end.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np

from ..combinators import as_key
from . import request
from .prefill import prefill
from .steps import CHUNK, NONE, Cursor, Settings, Steps, build


def generate(
    model: Any,
    prompt: Any = None,
    max_new_tokens: int = 100,
    temperature: Any = 1.0,
    seed: Any = 0,
    batch_size: int = 1,
    eos_id: int | None = None,
    *,
    row_ids: Sequence[int] | None = None,
) -> np.ndarray:
    """Returns new tokens that continue a prompt, or that start a text.

        token_i ~ softmax(scores(start_id, prompt, token_<i) / temperature)

    The noise of a token depends on seed, row id and the token's place in the text alone. So the
    first tokens of a longer run are those of a shorter one, a text goes on in the same way when it
    is cut and given back as a prompt, and a row does not depend on its batch (up to the rounding of
    products of another shape).

    Args:
      model: maps ids (batch, time) to log-probabilities or logits (batch, time, vocab_size). Any
        view of it will do; it runs in predict mode, and nothing in it changes.
      prompt: ids (n,) for all rows, or (batch, n); the model's start id goes before them.
      max_new_tokens: how many tokens to make.
      temperature: 0 takes the most probable token; one number, or one for each row.
      seed: an int or a jax key.
      batch_size: how many rows, if the prompt does not say it.
      eos_id: a row that has met this id is filled with it.
      row_ids: the numbers that key the rows' noise; 0, 1, ... by default.

    Returns:
      int32 (batch, max_new_tokens), without the prompt.

    State: a new one for each call; the model's own is left alone.

    Raises:
      ValueError: an argument does not fit, the model was never initialised, or it has no start id
        and there is no prompt.
      FloatingPointError: the model gave NaN, or no id that can be chosen.
    """
    n_tokens = request.count(max_new_tokens, 'max_new_tokens')
    prompt = request.rows_of(prompt, request.count(batch_size, 'batch_size', least=1))
    batch_size = len(prompt)
    predict = model.as_mode('predict')
    ids = request.with_start(prompt, predict.start_id, model.name)
    weights, state = predict.weights, predict.new_state(batch_size)
    steps = predict.program('generate', lambda: build(predict, weights, state, batch_size))
    ids = request.check_ids(ids, steps.vocab_size, 'the prompt')
    if eos_id is not None:
        eos_id = request.count(eos_id, 'eos_id')
        request.check_ids(np.asarray([eos_id]), steps.vocab_size, 'eos_id')
    settings = _settings(seed, row_ids, temperature, batch_size, eos_id)
    cursor = _cursor(ids, prompt.shape[1])
    state = prefill(steps.read, weights, state, ids[:, :-1], settings.key)
    blocks = _chunks(steps, weights, state, cursor, settings, -(-n_tokens // CHUNK), eos_id)
    return _collect(list(blocks), batch_size, n_tokens, eos_id)


def _settings(seed, row_ids, temperature, batch_size, eos_id):
    rows = np.arange(batch_size) if row_ids is None else np.asarray(row_ids)
    if rows.shape != (batch_size,):
        raise ValueError(f'generate: row_ids has shape {rows.shape} for {batch_size} rows')
    key, eos_id = as_key(seed), np.int32(NONE if eos_id is None else eos_id)
    temperature = request.temperatures(temperature, batch_size)
    return Settings(*jax.device_put((key, rows.astype(np.uint32), temperature, eos_id)))


def _cursor(ids, position):
    done = np.zeros(len(ids), bool)
    n_read = np.int32(ids.shape[1] - 1)
    return Cursor(*jax.device_put((ids[:, -1], done, n_read, np.int32(position))))


def _chunks(
    steps: Steps,
    weights: Any,
    state: Any,
    cursor: Cursor,
    settings: Settings,
    n_chunks: int,
    eos_id: int | None,
) -> Iterator[jax.Array]:
    """Dispatches chunks and yields their tokens, still on the device.

    With an eos the flags of a chunk are read while the next one runs, so the device does not wait
    for the host.
    """
    before = None
    for _ in range(n_chunks):
        state, after, tokens = steps.write(weights, state, cursor, settings)
        yield tokens
        if eos_id is not None and before is not None and jax.device_get(before).all():
            return
        before, cursor = after.done, after


def _collect(blocks, batch_size, n_tokens, eos_id):
    """Reads the tokens; raises where nothing could be chosen."""
    fill = NONE if eos_id is None else eos_id
    tokens = np.full((batch_size, n_tokens), fill, np.int32)
    for i, block in enumerate(jax.device_get(blocks)):
        part = tokens[:, i * CHUNK : (i + 1) * CHUNK]
        part[:] = block[:, : part.shape[1]]
    failed = np.argwhere(tokens == NONE)
    if len(failed):
        row, place = failed[0]
        raise FloatingPointError(
            f'generate: the scores of row {row} for new token {place} have no finite maximum, so '
            'no token can be chosen. A NaN among the weights does this: look at the weights, and '
            'at the loss of the training that made them.'
        )
    return tokens
