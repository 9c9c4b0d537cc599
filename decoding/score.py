"""score: how probable a model finds texts that are there, in one pass over each."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..combinators import as_key
from . import options, prompts
from .drawing import by_rows
from .prefill import longest_piece, pieces
from .room import told_room
from .source import inputs, rows_with_source
from .steps import Program, planned


class Score(NamedTuple):
    """The log-probability of each token, and what follows from it for the whole."""

    log_probs: np.ndarray  # (batch, t) float32, in nats; 0 where a token does not count
    counts: np.ndarray  # (batch, t) bool
    n_characters: int | None = None  # of the text; as many as tokens that count, if not known

    @property
    def log_prob(self) -> np.ndarray:
        """The log-probability of each row: (batch,) float64."""
        return self.log_probs.sum(axis=1, dtype=np.float64)

    @property
    def perplexity(self) -> float:
        """exp(-mean log p), over all tokens that count."""
        with np.errstate(over='ignore'):
            return float(np.exp(-self.log_prob.sum() / self.counts.sum()))

    @property
    def bits_per_character(self) -> float:
        """-log2 p of the whole, for each character of its text."""
        n = self.counts.sum() if self.n_characters is None else self.n_characters
        return float(-self.log_prob.sum() / math.log(2) / n)


def score(
    model: Any,
    tokens: Any,
    mask: Any = None,
    n_characters: int | None = None,
    window: int | None = None,
    *,
    source: Any = None,
    start_id: Any = None,
) -> Score:
    """Returns the log-probability of each token, given what is before it in its row.

        log p(token_i | start_id, token_<i)

    Rows are read in windows with carried state: the memory that a long text takes does not grow
    with its length (but for the answer), and the window changes nothing but time and memory.

    Shapes: tokens (t,) or (batch, t), mask the same; or a list of rows of any lengths.

    Args:
      model: maps ids (batch, time) to log-probabilities or logits (batch, time, vocab_size). It
        runs in predict mode, as in `generate`, and nothing in it changes.
      tokens: ids, without the start id. Rows of different lengths count whole, without a mask.
      mask: 0 for tokens that do not count, such as padding at the end; the model reads them all the
        same. A first token does not count either where the model has no start id.
      n_characters: of the text that the tokens stand for, if a token is not a character.
      window: how many tokens of a row are computed at once; 512 by default, fewer of many rows.
      source: what a model of two inputs reads first, as for `generate`.
      start_id: what goes before the tokens in place of the model's own, as for `generate`.

    Raises:
      TypeError: tokens are no integers.
      ValueError: an argument does not fit, no token counts, or the model was never initialised, or
        draws.
      FloatingPointError: the model gave NaN for a token that counts.
    """
    text = _rows(tokens)
    if window is None:
        window = longest_piece(len(text.ids))
    window = prompts.count(window, 'window', least=1, who='score')
    counts = _counts(mask, tokens, text)
    predict = model.as_mode('predict')
    text, source = rows_with_source('score', predict, source, text)
    batch_size = len(text.ids)
    counts = np.broadcast_to(counts, text.ids.shape).copy()
    program = Program(predict, batch_size, 'score')
    ids = prompts.check_ids(text.ids, program.steps.vocab_size, 'tokens', who='score')
    text = text._replace(ids=ids)
    if program.steps.draws:
        raise ValueError(
            f'score: {predict.name} draws while it runs in predict, so a text has no probability '
            'that is its own. Score a model in which nothing draws.'
        )
    first = options.start_ids(start_id, predict, batch_size, 'score')
    if start_id is not None:
        prompts.check_ids(np.asarray(first), program.steps.vocab_size, 'start_id', who='score')
    if first is None:
        counts[:, :1] = False
        given, ids = ids[:, :-1], ids[:, 1:]
    else:
        given = prompts.with_start(text, first, model.name).ids[:, :-1]
    if not counts.any():
        raise ValueError('score: no token counts; a model without a start id needs two at least')
    if n_characters is not None:
        n_characters = prompts.count(n_characters, 'n_characters', least=1, who='score')
    source = None if source is None else jax.device_put(source.array)
    state = program.begin(as_key(0), source, given[:, 0], np.arange(batch_size, dtype=np.uint32))
    read = predict.program(
        ('score', batch_size == 1), lambda: _build(planned(predict, batch_size).unnormalised)
    )
    found = _in_windows(read, (program.weights, source), state, given, ids, window)
    log_probs = np.zeros(counts.shape, np.float32)
    log_probs[:, counts.shape[-1] - found.shape[-1] :] = found
    return Score(_checked(np.where(counts, log_probs, 0), program.predict), counts, n_characters)


def _build(model):
    run = by_rows(model, None, draws=False)

    def read(weights_and_source, state, ids, targets):
        weights, source = weights_and_source
        scores, state = run(inputs(source, ids), weights, state)
        log_probs = jax.nn.log_softmax(scores.astype(jnp.float32))
        return state, jnp.take_along_axis(log_probs, targets[..., None], axis=-1)[..., 0]

    return jax.jit(read, donate_argnums=1)


def _in_windows(read, weights_and_source, state, ids, targets, window):
    parts, start = [], 0
    for length in pieces(ids.shape[1], window):
        part = np.s_[:, start : start + length]
        given = jax.device_put((ids[part], targets[part]))
        state, log_probs = read(weights_and_source, state, *given)
        parts.append(log_probs)
        start += length
    return np.concatenate(jax.device_get(parts), axis=1)


def _rows(tokens):
    text = prompts.padded(tokens, 'tokens', 'score')
    if not text.lengths.any():
        raise ValueError('score: tokens must have at least one id, got none')
    return text


def _counts(mask, tokens, text):
    inside = np.arange(text.ids.shape[1]) < text.lengths[:, None]
    if mask is None:
        return inside
    if not inside.all():
        raise ValueError(
            'score: rows of different lengths count as a whole; a mask is for tokens (batch, t)'
        )
    if np.shape(mask) != np.shape(tokens):
        raise ValueError(
            f'score: mask has shape {np.shape(mask)}, tokens have {np.shape(tokens)}; they must '
            'be equal'
        )
    return np.array(mask, bool).reshape(inside.shape)


def _checked(log_probs, model):
    failed = np.argwhere(np.isnan(log_probs))
    if len(failed):
        row, place = failed[0]
        raise FloatingPointError(
            f'score: the scores of row {row} for token {place} are NaN. A NaN among the weights '
            'does this: look at the weights, and at the loss of the training that made them.'
            f'{told_room(model)}'
        )
    return log_probs
