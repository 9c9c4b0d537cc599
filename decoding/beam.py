"""beam_search: the most probable texts that a search of bounded width finds.

The whole search runs on the device, a chunk of tokens for each dispatch, as in `generate`.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..combinators import as_key
from . import beam_step, options, prompts
from .constraint import prepared
from .drawing import by_rows
from .opening import opened
from .room import told_room
from .rows import take_rows
from .source import inputs, moving_axes
from .steps import CHUNK, planned

PENALTY = options.Range(
    lambda alpha: np.isfinite(alpha) & (alpha >= 0),
    'at least 0 and finite',
    '0 ranks texts by their probability, 0.6 to 1 does not prefer short ones',
)


class Beams(NamedTuple):
    """The best texts of each row, the best first."""

    tokens: np.ndarray  # (batch, n_best, max_new_tokens) int32, filled behind the end
    scores: np.ndarray  # (batch, n_best) float32; -inf where there are not so many texts
    log_probs: np.ndarray  # (batch, n_best) float32: of the whole text, in nats
    lengths: np.ndarray  # (batch, n_best) int32: how many tokens it has, an eos included


def beam_search(
    model: Any,
    prompt: Any = None,
    max_new_tokens: int = 100,
    n_beams: int = 4,
    batch_size: int = 1,
    eos_id: int | None = None,
    *,
    source: Any = None,
    length_penalty: float = 0.0,
    n_best: int = 1,
    banned: Any = None,
    constraint: Any = None,
    start_id: Any = None,
) -> Beams:
    """Returns the continuations of a prompt with the best scores that a beam search finds.

        score(text) = log p(text) / ((5 + length) / 6)^length_penalty

    Each step keeps the n_beams most probable texts of a row that go on. A text that meets eos among
    the n_beams best is finished, and so are the best that have max_new_tokens tokens. The search of
    a row ends when no text that goes on can become one of its n_best. With as many beams as there
    are texts it finds the best of all; with one beam and without a penalty it is `generate` at
    temperature 0.

    Args:
      model: as for `generate`.
      prompt: ids (n,) for all rows, (batch, n), or a list of rows of any lengths; the model's start
        id goes before them.
      max_new_tokens: how many tokens a text has at most.
      n_beams: how many texts of each row go on.
      batch_size: how many rows, if the prompt does not say it.
      eos_id: the id that ends a text, and fills it up to max_new_tokens; 0 does, if there is none.
      source: what a model of two inputs reads first, as for `generate`.
      length_penalty: at 0 short texts win, as each token costs probability.
      n_best: how many texts to return for each row, at most n_beams.
      banned: ids that are never chosen: a list, or one list for each row. Scores are the model's
        own all the same.
      constraint: an `Automaton`, such as `retrax.regex` makes, or a list of one (or None) for each
        row, as for `generate`; every text that is returned is one that it allows.
      start_id: what goes before the prompt in place of the model's own: an id, or one for each row.

    State: a new one for each call; the model's own is left alone.

    Raises:
      ValueError: an argument does not fit, the model was never initialised, or it has no start id
        and there is no prompt.
      FloatingPointError: the model gave NaN, or no text can be made.
      StateError: the rows of the model's state cannot be told apart.

    Source: Wu et al. 2016, arXiv 1609.08144, section 7 and equation 14, without coverage.
    """
    n_tokens, n_beams, n_best = _sizes(max_new_tokens, n_beams, n_best)
    rows = prompts.rows_of(prompt, batch_size, _WHO)
    opening = opened(_WHO, model, rows, source, start_id, n_beams)
    rows = opening.prompt
    given = len(rows.ids), opening.n_ids, eos_id, n_tokens
    rules, states = _rules(length_penalty, banned, constraint, *given)
    run = _programs(opening.program, len(rows.ids) * n_beams)
    row_ids, n_read = np.arange(len(rows.ids), dtype=np.uint32), opening.to_read.lengths - 1
    heads = opening.to_read.last, n_read.astype(np.int32), np.int32(eos_id or 0), states
    sizes = n_beams, n_best, _capacity(n_tokens)
    read = opening.read(as_key(0), row_ids), opening.source_ids
    state, source, search = run.begin(*read, *jax.device_put(heads), *sizes)
    weights = opening.program.weights, source
    found = _run(run.write, weights, state, search, rules, n_tokens)
    return _checked(found, n_tokens, opening.program.predict)


_WHO = 'beam_search'


def _sizes(max_new_tokens, n_beams, n_best):
    n_tokens = prompts.count(max_new_tokens, 'max_new_tokens', least=1, who=_WHO)
    n_beams = prompts.count(n_beams, 'n_beams', least=1, who=_WHO)
    n_best = prompts.count(n_best, 'n_best', least=1, who=_WHO)
    if n_best > n_beams:
        raise ValueError(
            f'{_WHO}: n_best is {n_best} and n_beams is {n_beams}; a search of n_beams finds as '
            'many good texts at most, so give n_beams of at least n_best'
        )
    return n_tokens, n_beams, n_best


def _rules(length_penalty, banned, constraint, batch_size, vocab_size, eos_id, n_tokens):
    """Returns the rules of a search, and the states that a constraint begins in."""
    eos = options.eos(eos_id, vocab_size, _WHO)
    (alpha,) = options.per_row(length_penalty, 'length_penalty', PENALTY, 1, _WHO)
    if banned is not None:
        banned = options.banned_ids(banned, batch_size, vocab_size, _WHO)
    states = None
    if constraint is not None:
        sizes = batch_size, vocab_size, eos_id, n_tokens
        constraint, states = prepared(constraint, *sizes, _WHO)
    same = np.int32(n_tokens), eos, alpha, banned, constraint
    return beam_step.Rules(*jax.device_put(same)), states


def _capacity(n_tokens):
    """The places that texts have on the device: few sizes, so that few programs are compiled."""
    return max(CHUNK, 1 << (n_tokens - 1).bit_length())


class _Programs(NamedTuple):
    begin: Any  # (state, source, what beam_step.start takes) -> state, source, search
    write: Any  # ((weights, source), state, search, rules, key, n) -> state, search, is it over


def _programs(program, n_rows):
    predict, one = program.predict, n_rows == 1
    model, axes = planned(predict, n_rows).unnormalised, program.axes()
    run = by_rows(model, lambda: axes, program.steps.draws)
    return predict.program(('beam', one), lambda: _build(run, axes))


def _build(run, axes):
    def begin(state, source, last, n_read, fill, states, n_beams, n_best, n_places):
        rows = jnp.repeat(jnp.arange(len(last)), n_beams)
        search = beam_step.start(last, n_read, fill, states, n_beams, n_best, n_places)
        source = None if source is None else source[rows]
        return take_rows(state, rows, axes), source, search

    def write(weights_and_source, state, search, rules, key, n):
        weights, source = weights_and_source
        batch, n_beams = search.log_probs.shape

        def step(_, loop):
            state, search = loop
            here = jnp.repeat(jnp.arange(batch), n_beams), jnp.repeat(search.n_read, n_beams)
            given = inputs(source, search.last.reshape(-1, 1))
            scores, state = run(given, weights, state, key, *here)
            scores = scores[:, -1].reshape(batch, n_beams, -1)
            search, parents = beam_step.advance(search, scores, rules)
            rows = (jnp.arange(batch)[:, None] * n_beams + parents).reshape(-1)
            return take_rows(state, rows, moving_axes(axes)), search

        state, search = jax.lax.fori_loop(0, CHUNK if n is None else n, step, (state, search))
        return state, search, beam_step.is_over(search, rules).all()

    return _Programs(
        jax.jit(begin, static_argnums=(6, 7, 8)), jax.jit(write, donate_argnums=(1, 2))
    )


def _run(write, weights, state, search, rules, n_tokens):
    """Dispatches chunk after chunk, one ahead of the one that it knows not to be the last."""
    before, key = None, as_key(0)  # for layers that draw
    for first in range(0, n_tokens, CHUNK):
        n = min(CHUNK, n_tokens - first)
        part = None if n == CHUNK else jax.device_put(np.int32(n))
        state, search, over = write(weights, state, search, rules, key, part)
        if before is not None and jax.device_get(before):
            break
        before = over
    return jax.device_get((search.finished, search.failed))


def _checked(found, n_tokens, model):
    finished, failed = found
    if failed.any():
        raise FloatingPointError(
            f'{_WHO}: a score of row {int(failed.argmax())} is NaN. A NaN among the weights does '
            'this: look at the weights, and at the loss of the training that made them.'
            f'{told_room(model)}'
        )
    nothing = np.isneginf(finished.scores[:, 0])
    if nothing.any():
        raise FloatingPointError(
            f'{_WHO}: no text can be made for row {int(nothing.argmax())}: the ids that may be '
            'chosen have probability 0'
        )
    return Beams(
        finished.tokens[..., :n_tokens], finished.scores, finished.log_probs, finished.lengths
    )
