"""F-scores: precision and recall of each category in one number.

A target that is no category is an error where targets are an input of the model; in code that the
user compiles it is left out, and what was predicted there counts as wrong.
"""

import jax.numpy as jnp

from ..combinators import Fn, PureLayer
from .categories import one_hot
from .weighting import check_targets, weighted_mean


def MacroAveragedFScore(beta: float = 1.0, initial_category_index: int = 0) -> PureLayer:
    """Returns the mean of the F-scores of all categories.

        F = (1 + beta^2) hits / (beta^2 targets + predictions), 0 for a category in neither

    Shapes: x (..., n), targets (...) ints -> ().

    Args:
      beta: how much more recall counts than precision.
      initial_category_index: categories below are left out, such as padding.

    Source: van Rijsbergen 1979, chapter 7; Trax 1.4.1, trax.layers.metrics.MacroAveragedFScore.
    """
    return Fn(
        'MacroAveragedFScore',
        lambda x, targets: jnp.mean(_scores(x, targets, beta, initial_category_index)[0]),
    )


def WeightedFScore(beta: float = 1.0, initial_category_index: int = 0) -> PureLayer:
    """Returns the mean of the F-scores of all categories, weighted by their counts in targets.

    Shapes and arguments are MacroAveragedFScore's.

    Source: Trax 1.4.1, trax.layers.metrics.WeightedFScore.
    """
    return Fn(
        'WeightedFScore',
        lambda x, targets: weighted_mean(*_scores(x, targets, beta, initial_category_index)),
    )


def _scores(x, targets, beta, first):
    """Returns the F-score of each category from `first` on, and its count in targets."""
    check_targets(x, targets)
    n = x.shape[-1]
    predicted = one_hot(jnp.argmax(x, axis=-1), n).reshape(-1, n)
    wanted = one_hot(targets, n).reshape(-1, n)
    hits, n_predicted, n_wanted = (
        jnp.sum(a, axis=0)[first:] for a in (predicted * wanted, predicted, wanted)
    )
    either = beta**2 * n_wanted + n_predicted
    return (1 + beta**2) * hits / jnp.where(either == 0, 1, either), n_wanted
