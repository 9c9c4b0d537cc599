"""Losses of categories: cross-entropy, in several wrappings.

Those with weights take (outputs, targets, weights). A weight of 0 leaves a position out, whatever
its target is, and where all weights are 0 the result is 0. Other targets must be categories, whole
numbers from 0 to n - 1: an error where targets are an input of the model, NaN in code that the user
compiles.
"""

import jax
import jax.numpy as jnp

from ..combinators import Fn, PureLayer
from .weighting import check_targets, weighted_mean, weighted_sum


def CategoryCrossEntropy(label_smoothing: float | None = None) -> PureLayer:
    """Returns the mean of -sum(p log softmax(x)) over positions, without weights.

    p is 1 at the target, or (1 - e) there plus e / n everywhere with label smoothing e.

    Shapes: x (..., n) of logits or log-probabilities, targets (...) ints -> ().

    Raises:
      ValueError: label_smoothing is outside of [0, 1]; a target is no category.

    Source: Trax 1.4.1, trax.layers.metrics.CategoryCrossEntropy; Szegedy et al. 2015,
    arXiv 1512.00567, section 7 (label smoothing).
    """
    _check_smoothing(label_smoothing)

    def loss(x, targets):
        log_probs = jax.nn.log_softmax(x, axis=-1)
        return jnp.mean(cross_entropy(log_probs, targets, None, label_smoothing))

    return Fn('CategoryCrossEntropy', loss)


def WeightedCategoryCrossEntropy(
    label_smoothing: float | None = None, cutoff: float = 0.0
) -> PureLayer:
    """Returns the weighted mean of CategoryCrossEntropy's values.

    Values below `cutoff` count as 0, those above by what they exceed it.

    Shapes: x (..., n) of logits or log-probabilities, targets (...) ints, weights (...) -> ().

    Raises:
      ValueError: label_smoothing is outside of [0, 1]; a target is no category.

    Source: Trax 1.4.1, trax.layers.metrics.WeightedCategoryCrossEntropy.
    """
    _check_smoothing(label_smoothing)

    def loss(x, targets, weights):
        log_probs = jax.nn.log_softmax(x, axis=-1)
        values = cross_entropy(log_probs, targets, weights, label_smoothing)
        if cutoff > 0:
            values = jnp.maximum(values, cutoff) - cutoff
        return weighted_mean(values, weights)

    return Fn('WeightedCategoryCrossEntropy', loss)


def CrossEntropyLoss() -> PureLayer:
    """Returns the weighted mean of -x[target] over positions, for x of log-probabilities.

    Put it after LogSoftmax.

    Shapes: x (..., n), targets (...) ints, weights (...) -> ().

    Source: Trax 1.4.1, trax.layers.metrics.CrossEntropyLoss.
    """
    return Fn(
        'CrossEntropyLoss',
        lambda x, targets, weights: weighted_mean(cross_entropy(x, targets, weights), weights),
    )


def CrossEntropyLossWithLogSoftmax() -> PureLayer:
    """Returns CrossEntropyLoss after LogSoftmax, so for x of logits."""
    return Fn(
        'CrossEntropyLossWithLogSoftmax',
        lambda x, targets, weights: weighted_mean(
            cross_entropy(jax.nn.log_softmax(x, axis=-1), targets, weights), weights
        ),
    )


def CrossEntropySum() -> PureLayer:
    """Returns the weighted sum of -x[target] over positions, for x of log-probabilities."""
    return Fn(
        'CrossEntropySum',
        lambda x, targets, weights: weighted_sum(cross_entropy(x, targets, weights), weights),
    )


def WeightedSum() -> PureLayer:
    """Returns sum(values * weights)."""
    return Fn('WeightedSum', weighted_sum)


def cross_entropy(
    log_probs: jax.Array,
    targets: jax.Array,
    weights: jax.Array | None,
    label_smoothing: float | None = None,
) -> jax.Array:
    """Returns -sum(p log q) for each position, from log-probabilities log q.

    Targets may be ids in floats, as some data sets have them. Those that are no categories give
    NaN where they are not refused.
    """
    check_targets(log_probs, targets, weights)
    targets, n = jnp.asarray(targets), log_probs.shape[-1]
    ids = targets.astype(jnp.int32)
    is_category = (ids >= 0) & (ids < n) & (ids.astype(targets.dtype) == targets)
    picked = jnp.take_along_axis(log_probs, ids[..., None], axis=-1, mode='clip')[..., 0]
    picked = jnp.where(is_category, picked, jnp.nan)
    if not label_smoothing:  # 0 would make NaN of a log-probability of -inf
        return -picked
    return -(1 - label_smoothing) * picked - label_smoothing * jnp.mean(log_probs, axis=-1)


def _check_smoothing(label_smoothing):
    if label_smoothing is not None and not 0 <= label_smoothing <= 1:
        raise ValueError(f'label_smoothing must be from 0 to 1, got {label_smoothing!r}')
