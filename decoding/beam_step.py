"""One step of a beam search, on the device. Knows scores; knows no model and no prompt.

Letters: B rows, K live texts of each (the beams), N finished ones that are kept, V ids, L places.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .constraint import Constraint, may_follow, moved

NEVER = -jnp.inf


class Rules(NamedTuple):
    """What stays the same during a search."""

    n_tokens: jax.Array  # () int32: a text of this length is finished, whatever it ends in
    eos_id: jax.Array  # () int32, NONE for none
    length_penalty: jax.Array  # () float32
    banned: jax.Array | None = None  # (B, V) bool
    constraint: Constraint | None = None


class Finished(NamedTuple):
    """The best texts that are finished, the best first; those not yet there score -inf."""

    tokens: jax.Array  # (B, N, L) int32
    log_probs: jax.Array  # (B, N) float32
    scores: jax.Array  # (B, N) float32
    lengths: jax.Array  # (B, N) int32


class Search(NamedTuple):
    """Where a search stands, apart from the model's state."""

    tokens: jax.Array  # (B, K, L) int32: the live texts; behind them, what fills a text
    log_probs: jax.Array  # (B, K) float32, -inf where there is no such text
    last: jax.Array  # (B, K) int32: the last token of each, not yet read by the model
    n_made: jax.Array  # () int32
    n_read: jax.Array  # (B,) int32: how many ids the model has read
    finished: Finished
    failed: jax.Array  # (B,) bool: a live text has met a NaN
    states: jax.Array | None = None  # (B, K) int32: of the constraint


def start(
    last: jax.Array,
    n_read: jax.Array,
    fill: jax.Array,
    states: jax.Array | None,
    n_beams: int,
    n_best: int,
    n_places: int,
) -> Search:
    """Returns a search that begins, with one live text in each row: the empty one.

    Shapes: last, n_read and states (B,).
    """

    def of_all(rows):
        return jnp.repeat(rows[:, None], n_beams, axis=1)

    batch = len(last)
    nothing = jnp.full((batch, n_best), NEVER)
    finished = Finished(
        jnp.full((batch, n_best, n_places), fill),
        nothing,
        nothing,
        jnp.zeros((batch, n_best), jnp.int32),
    )
    return Search(
        jnp.full((batch, n_beams, n_places), fill),
        jnp.full((batch, n_beams), NEVER).at[:, 0].set(0),
        of_all(last),
        jnp.int32(0),
        n_read,
        finished,
        jnp.zeros(batch, bool),
        None if states is None else of_all(states),
    )


def penalised(log_probs: jax.Array, length: jax.Array, alpha: jax.Array) -> jax.Array:
    """Returns log p / ((5 + length) / 6)^alpha.

    Source: Wu et al. 2016, arXiv 1609.08144, equation 14.
    """
    return log_probs / ((5.0 + length) / 6.0) ** alpha


def is_over(search: Search, rules: Rules) -> jax.Array:
    """Whether no live text of a row can become one of its best any more: (B,).

    A text only loses probability as it grows, and none is longer than n_tokens.
    """
    hope = penalised(search.log_probs.max(axis=1), rules.n_tokens, rules.length_penalty)
    return search.finished.scores[:, -1] >= hope


def advance(search: Search, scores: jax.Array, rules: Rules) -> tuple[Search, jax.Array]:
    """Extends the live texts by a token; returns the search, and which text each came of: (B, K).

    The 2 K best extensions are looked at, as at most K of them end in eos. Those of the K best that
    end are finished; the K best that do not end live on.

    Shapes: scores (B, K, V), log-probabilities or logits.
    """
    n_beams, is_alive = scores.shape[1], jnp.isfinite(search.log_probs)
    log_probs = jax.nn.log_softmax(scores.astype(jnp.float32))
    failed = search.failed | (is_alive & jnp.isnan(log_probs).any(axis=-1)).any(axis=-1)
    best, parents, tokens = _extensions(search, log_probs, is_alive, rules)
    texts = _take(search.tokens, parents).at[:, :, search.n_made].set(tokens)
    n_made = search.n_made + 1

    is_eos = tokens == rules.eos_id
    ended = jnp.where(is_eos | (n_made == rules.n_tokens), best, NEVER)
    finished = _best_of(search.finished, texts[:, :n_beams], ended[:, :n_beams], n_made, rules)

    lives = jnp.argsort(is_eos, axis=1, stable=True)[:, :n_beams]  # the best first, as before
    log_probs = _take(jnp.where(is_eos, NEVER, best), lives)
    texts, tokens, parents = (_take(x, lives) for x in (texts, tokens, parents))
    states = rules.constraint and moved(rules.constraint, _take(search.states, parents), tokens)
    after = Search(texts, log_probs, tokens, n_made, search.n_read + 1, finished, failed, states)
    over = is_over(after, rules)[:, None]
    return after._replace(log_probs=jnp.where(over, NEVER, log_probs)), parents


def _extensions(search, log_probs, is_alive, rules):
    """Returns the best extensions: the log-probability of each, its text, its token: (B, 2 K)."""
    n_beams, n_ids = log_probs.shape[1:]
    may_come = is_alive[..., None] & ~jnp.isnan(log_probs) & _allowed(search, rules)
    totals = jnp.where(may_come, search.log_probs[..., None] + log_probs, NEVER)
    flat = totals.reshape(len(totals), -1)
    best, places = jax.lax.top_k(flat, min(2 * n_beams, flat.shape[1]))
    return best, places // n_ids, (places % n_ids).astype(jnp.int32)


def _allowed(search, rules):
    allowed = jnp.bool_(True) if rules.banned is None else ~rules.banned[:, None]
    if rules.constraint is None:
        return allowed
    n_left = rules.n_tokens - search.n_made
    return allowed & may_follow(rules.constraint, search.states, n_left, rules.eos_id)


def _best_of(finished, texts, log_probs, length, rules):
    new = Finished(
        texts,
        log_probs,
        penalised(log_probs, length, rules.length_penalty),
        jnp.full(log_probs.shape, length),
    )
    both = jax.tree.map(lambda *two: jnp.concatenate(two, axis=1), finished, new)
    _, places = jax.lax.top_k(both.scores, finished.scores.shape[1])
    return jax.tree.map(lambda x: _take(x, places), both)


def _take(x, places):
    """Returns x[row, places[row]] for each row, whatever axes follow."""
    return jnp.take_along_axis(x, places.reshape(places.shape + (1,) * (x.ndim - 2)), axis=1)
