"""The end of a model whose scores are only sampled from.

LogSoftmax adds a constant to the scores of a token. It changes neither their softmax nor which one
is the largest, with noise or without, so who samples, or normalises anyway, need not know it.
"""

from typing import Any

import jax.numpy as jnp

from .. import layers as tl
from ..combinators import with_sublayers
from ..combinators.definition import fingerprint


def unnormalised(model: Any, path: str = '') -> tuple[Any, str]:
    """Returns a series without the LogSoftmax that it ends in, and the place of that.

    Weights and states are those of the model. One that ends in something else, also in a LogSoftmax
    along another axis, is returned as it is, with '' for the place.
    """
    if type(model) is not tl.Serial or not model.sublayers:
        return model, ''
    *others, last = model.sublayers
    here = f'{path}/{model.labels[-1]}' if path else model.labels[-1]
    if fingerprint(last) == fingerprint(tl.LogSoftmax()):
        last, place = tl.Fn('Scores', lambda x: jnp.asarray(x, jnp.result_type(x, float))), here
    else:
        last, place = unnormalised(last, here)
    return (with_sublayers(model, [*others, last]), place) if place else (model, '')
