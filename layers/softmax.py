"""Softmax and its kin along an axis."""

import jax
import jax.numpy as jnp

from ..combinators import Fn, PureLayer
from .axes import mixing
from .categories import log_softmax


def LogSoftmax(axis: int = -1) -> PureLayer:
    """Returns a layer of log-probabilities: x - log(sum(exp(x))), stable for large x."""
    return Fn('LogSoftmax', lambda x: log_softmax(x, axis), **mixing(axis))


def Softmax(axis: int = -1) -> PureLayer:
    """Returns a layer of probabilities: exp(x) / sum(exp(x)), stable for large x."""

    def softmax(x):
        return jax.nn.softmax(x.astype(jnp.result_type(x, float)), axis=axis)

    return Fn('Softmax', softmax, **mixing(axis))
