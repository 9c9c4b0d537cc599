"""Accuracies: which share of categories, or of whole sequences, is right.

Those with weights take (outputs, targets, weights). A weight of 0 leaves a position out, whatever
its target is, and where all weights are 0 the result is 0. A target that is no category is an error
where the categories are known and targets are an input of the model; elsewhere it counts as wrong.
"""

import jax.numpy as jnp

from ..combinators import Fn, Layer, PureLayer, Serial
from .reductions import ArgMax
from .weighting import check_same_shape, check_targets, check_weights, weighted_mean


def CategoryAccuracy() -> PureLayer:
    """Returns the share of positions where argmax(x) is the target, without weights.

    Shapes: x (..., n), targets (...) ints -> ().

    Source: Trax 1.4.1, trax.layers.metrics.CategoryAccuracy.
    """
    return Fn('CategoryAccuracy', lambda x, targets: jnp.mean(_is_right(x, targets)))


def WeightedCategoryAccuracy() -> PureLayer:
    """Returns the weighted mean of (argmax(x) == target) over positions.

    Shapes: x (..., n), targets (...) ints, weights (...) -> ().

    Source: Trax 1.4.1, trax.layers.metrics.WeightedCategoryAccuracy.
    """
    return Fn(
        'WeightedCategoryAccuracy',
        lambda x, targets, weights: weighted_mean(_is_right(x, targets, weights), weights),
    )


def MaskedSequenceAccuracy() -> PureLayer:
    """Returns the share of sequences that are right wherever their weight is not 0.

    Sequences without any weight are left out; Trax 1.4.1 counts them as right.

    Shapes: x (..., t, n), targets (..., t) ints, weights (..., t) -> ().

    Source: Trax 1.4.1, trax.layers.metrics.MaskedSequenceAccuracy.
    """
    return Fn(
        'MaskedSequenceAccuracy',
        lambda x, targets, weights: _whole(_is_right(x, targets, weights), weights, axes=(-1,)),
    )


def Accuracy(classifier: Layer | None = None) -> Serial:
    """Returns the weighted mean of (classifier(x) == target).

    A target that is no category counts as wrong.

    Shapes: x (..., n), targets (...) ints, weights (...) -> ().

    Args:
      classifier: makes categories of outputs; ArgMax() by default.

    Source: Trax 1.4.1, trax.layers.metrics.Accuracy.
    """

    def accuracy(predicted, targets, weights):
        return weighted_mean(_equal(predicted, targets), weights)

    return _after(classifier, 'Accuracy', accuracy)


def SequenceAccuracy(classifier: Layer | None = None) -> Serial:
    """Returns the share of rows that are right wherever their weight is not 0.

    Rows without any weight are left out; Trax 1.4.1 counts them as right. A target that is no
    category counts as wrong.

    Shapes: x (b, ..., n), targets (b, ...) ints, weights (b, ...) -> ().

    Args:
      classifier: makes categories of outputs; ArgMax() by default.

    Source: Trax 1.4.1, trax.layers.metrics.SequenceAccuracy.
    """

    def accuracy(predicted, targets, weights):
        axes = tuple(range(1, len(targets.shape)))
        return _whole(_equal(predicted, targets), weights, axes)

    return _after(classifier, 'SequenceAccuracy', accuracy)


def _after(classifier, name, accuracy):
    classifier = ArgMax() if classifier is None else classifier
    return Serial(classifier, Fn(f'_{name}', accuracy), name=name, sublayers_to_print=[])


def _is_right(x, targets, weights=None):
    check_targets(x, targets, weights)
    return _equal(jnp.argmax(x, axis=-1), targets)


def _equal(predicted, targets):
    check_same_shape('targets', predicted, targets)
    return (predicted == targets).astype(jnp.float32)


def _whole(right, weights, axes):
    check_weights(right.shape, weights)
    counts = jnp.broadcast_to(weights, right.shape) != 0
    is_whole = jnp.all((right == 1) | ~counts, axis=axes)
    return weighted_mean(is_whole.astype(jnp.float32), jnp.any(counts, axis=axes))
