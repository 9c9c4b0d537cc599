"""Losses and accuracies of categories, weighted and stable.

All take (outputs, targets, weights) and give one number. A weight of 0 leaves a position out;
where all weights are 0 the result is 0.
"""

import jax
import jax.numpy as jnp

from ..combinators import Fn, PureLayer, mismatch


def WeightedCategoryCrossEntropy(label_smoothing: float | None = None) -> PureLayer:
    """Returns the weighted mean of -sum(p log softmax(x)) over positions.

    p is 1 at the target, or (1 - e) there plus e / n everywhere with label smoothing e.

    Shapes: x (..., n) of logits or log-probabilities, targets (...) ints, weights (...) -> ().

    Source: Trax 1.4.1, trax.layers.metrics.WeightedCategoryCrossEntropy; Szegedy et al. 2015,
    arXiv 1512.00567, section 7 (label smoothing).
    """
    return Fn(
        'WeightedCategoryCrossEntropy',
        lambda x, targets, weights: weighted_mean(
            cross_entropy(jax.nn.log_softmax(x, axis=-1), targets, label_smoothing), weights
        ),
    )


def CrossEntropyLoss() -> PureLayer:
    """Returns the weighted mean of -x[target] over positions, for x of log-probabilities.

    Put it after LogSoftmax.

    Shapes: x (..., n), targets (...) ints, weights (...) -> ().

    Source: Trax 1.4.1, trax.layers.metrics.CrossEntropyLoss.
    """
    return Fn(
        'CrossEntropyLoss',
        lambda x, targets, weights: weighted_mean(cross_entropy(x, targets), weights),
    )


def WeightedCategoryAccuracy() -> PureLayer:
    """Returns the weighted mean of (argmax(x) == target) over positions.

    Shapes: x (..., n), targets (...) ints, weights (...) -> ().

    Source: Trax 1.4.1, trax.layers.metrics.WeightedCategoryAccuracy.
    """

    def accuracy(x, targets, weights):
        _check(x, targets)
        return weighted_mean((jnp.argmax(x, axis=-1) == targets).astype(jnp.float32), weights)

    return Fn('WeightedCategoryAccuracy', accuracy)


def Accuracy() -> PureLayer:
    """Returns the weighted mean of correct categories; WeightedCategoryAccuracy's other name."""
    return WeightedCategoryAccuracy()


def cross_entropy(
    log_probs: jax.Array, targets: jax.Array, label_smoothing: float | None = None
) -> jax.Array:
    """Returns -sum(p log q) for each position, from log-probabilities log q."""
    _check(log_probs, targets)
    picked = jnp.take_along_axis(log_probs, targets[..., None], axis=-1)[..., 0]
    if label_smoothing is None:
        return -picked
    return -(1 - label_smoothing) * picked - label_smoothing * jnp.mean(log_probs, axis=-1)


def weighted_mean(values: jax.Array, weights: jax.Array) -> jax.Array:
    """Returns sum(values * weights) / sum(weights), and 0 where the weights sum to 0."""
    total = jnp.sum(jnp.broadcast_to(weights, values.shape))
    return jnp.sum(values * weights) / jnp.where(total == 0, 1, total)


def _check(x, targets):
    if x.shape[:-1] != targets.shape:
        raise mismatch(
            'the shape of targets',
            tuple(x.shape[:-1]),
            tuple(targets.shape),
            'Outputs have one axis more than targets, the categories.',
        )
