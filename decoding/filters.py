"""Which tokens may come next. Knows scores and settings; knows no model and draws nothing.

The order and the meaning are those of Hugging Face's generate: repetition penalty and banned ids
on the scores as the model gives them, then temperature, top_k, top_p, min_p, each on what the one
before has left. What is left keeps its score, so a filter that removes nothing changes nothing.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Filters(NamedTuple):
    """The settings of each row; None where a filter is off, and is not in the program."""

    repetition_penalty: jax.Array | None = None  # (batch,) float32
    banned: jax.Array | None = None  # (batch, vocab_size) bool
    top_k: jax.Array | None = None  # (batch,) int32
    top_p: jax.Array | None = None  # (batch,) float32
    min_p: jax.Array | None = None  # (batch,) float32


def restrict(scores: jax.Array, temperature: jax.Array, seen: Any, filters: Filters) -> jax.Array:
    """Returns the scores with -inf for each token that the filters take away.

    Shapes: scores (batch, n), temperature (batch,) -> (batch, n); seen (batch, n) bool, if there
    is a repetition penalty.
    """
    if filters.repetition_penalty is not None:
        scores = penalise(scores, seen, filters.repetition_penalty)
    if filters.banned is not None:
        scores = jnp.where(filters.banned, -jnp.inf, scores)
    if filters.top_k is not None:
        scores = keep_top_k(scores, filters.top_k)
    if filters.top_p is not None:
        scores = keep_top_p(scores, temperature, filters.top_p)
    if filters.min_p is not None:
        scores = keep_min_p(scores, temperature, filters.min_p)
    return scores


def penalise(scores: jax.Array, seen: jax.Array, penalty: jax.Array) -> jax.Array:
    """Makes tokens that were seen less probable, for a penalty above 1.

        score / penalty  where the score is positive,  score * penalty  elsewhere

    On log-probabilities, which are never positive, it is a product alone; on raw logits both occur.

    Source: Keskar et al. 2019, arXiv 1909.05858, section 4.1, which divides in both cases; the
    product for negative scores is what all implementations since then do.
    """
    penalty = penalty[:, None]
    less = jnp.where(scores > 0, scores / penalty, scores * penalty)
    return jnp.where(seen, less, scores)


def keep_top_k(scores: jax.Array, k: jax.Array) -> jax.Array:
    """Keeps the k largest scores, and those that equal the smallest of them."""
    places = jnp.minimum(k, scores.shape[-1])[:, None] - 1
    least = jnp.take_along_axis(jnp.sort(scores, axis=-1, descending=True), places, axis=-1)
    return jnp.where(scores >= least, scores, -jnp.inf)


def keep_top_p(scores: jax.Array, temperature: jax.Array, p: jax.Array) -> jax.Array:
    """Keeps the fewest most probable tokens that have the probability p together.

    Among equals the one with the smallest id counts as more probable.

    Source: Holtzman et al. 2019, arXiv 1904.09751, section 3.1.
    """
    order = jnp.argsort(scores, axis=-1, descending=True, stable=True)
    sorted_ = jnp.take_along_axis(jax.nn.softmax(_cooled(scores, temperature)), order, axis=-1)
    before = jnp.cumsum(sorted_, axis=-1) - sorted_  # what the more probable ones have together
    kept = jnp.take_along_axis(before < p[:, None], jnp.argsort(order, axis=-1), axis=-1)
    return jnp.where(kept | (p[:, None] >= 1), scores, -jnp.inf)


def keep_min_p(scores: jax.Array, temperature: jax.Array, p: jax.Array) -> jax.Array:
    """Keeps the tokens that are at least p times as probable as the most probable one.

    Source: Nguyen et al. 2024, arXiv 2407.01082, section 3.
    """
    kept = _cooled(scores, temperature) >= jnp.log(p)[:, None]
    return jnp.where(kept, scores, -jnp.inf)


def _cooled(scores, temperature):
    """Returns scores / temperature, the largest 0; at temperature 0, where the largest is chosen
    whatever else is left, as at 1.
    """
    scale = jnp.where(temperature > 0, temperature, 1)[:, None]
    scores = scores.astype(jnp.float32)
    return (scores - jnp.max(scores, axis=-1, keepdims=True)) / scale
