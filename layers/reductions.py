"""Reductions: an axis becomes one number; `axis=None` means all axes.

What a layer declares assumes (batch, time, features): along axis 1 it sees all of time at once,
and along axis 0 it mixes the rows of a batch.
"""

import jax
import jax.numpy as jnp

from ..combinators import Fn, PureLayer
from .axes import mixing


def Mean(axis: int | None = -1, keepdims: bool = False) -> PureLayer:
    """Returns a layer of means along an axis."""
    return Fn('Mean', lambda x: jnp.mean(x, axis, keepdims=keepdims), **mixing(axis))


def Min(axis: int | None = -1, keepdims: bool = False) -> PureLayer:
    """Returns a layer of minima along an axis."""
    return Fn('Min', lambda x: jnp.min(x, axis, keepdims=keepdims), **mixing(axis))


def Max(axis: int | None = -1, keepdims: bool = False) -> PureLayer:
    """Returns a layer of maxima along an axis."""
    return Fn('Max', lambda x: jnp.max(x, axis, keepdims=keepdims), **mixing(axis))


def Sum(axis: int | None = None, keepdims: bool = False) -> PureLayer:
    """Returns a layer of sums along an axis; of everything, if none is given."""
    return Fn('Sum', lambda x: jnp.sum(x, axis, keepdims=keepdims), **mixing(axis))


def LogSumExp(axis: int | None = -1) -> PureLayer:
    """Returns a layer of log(sum(exp(x))) along an axis, which stays, with size 1.

    It is stable for large x.
    """
    return Fn('LogSumExp', lambda x: jax.nn.logsumexp(x, axis=axis, keepdims=True), **mixing(axis))


def ArgMax(axis: int | None = -1) -> PureLayer:
    """Returns a layer of the index of the largest value along an axis, the first of equals."""
    return Fn('ArgMax', lambda x: jnp.argmax(x, axis), **mixing(axis))
