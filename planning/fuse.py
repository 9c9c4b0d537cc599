"""fuse: a model for passes over whole sequences, with the same weights, states and outputs."""

import itertools
from typing import Any

from .. import layers as tl
from ..combinators import with_sublayers
from ..kernels import Rows


def fuse(model: Any) -> Any:
    """Returns a model that does what this one does, with fewer operations over whole sequences.

    An embedding E right before a recurrent layer: (E W + b)[id] instead of E[id] W + b, where a
    batch has more ids than the table. At 32 rows of 64 bytes that is an eighth of the products with
    the input, and of those of their gradients.

    It has the model's weights, and takes and gives its states; `fit` and `evaluate` use it by
    themselves. A loop of one's own calls its `pure_fn` with the model's weights.

    Args:
      model: any layer; a view keeps its mode, carry and precision. What cannot be fused stays.
    """
    if type(model) is not tl.Serial or not model.sublayers:
        return model
    layers = model.sublayers
    fused = [_before(*pair) for pair in itertools.pairwise((*layers, None))]
    changed = any(new is not old for new, old in zip(fused, layers, strict=True))
    return with_sublayers(model, fused) if changed else model


def _before(layer, following):
    """Returns what stands for a layer of a series before another one."""
    takes_rows = isinstance(following, tl.Recurrent) and following.takes_rows
    return Unread(layer) if type(layer) is tl.Embedding and takes_rows else fuse(layer)


class Unread(tl.Layer):
    """An embedding that leaves its table to be read by the layer behind it."""

    def __init__(self, embedding: tl.Embedding):
        super().__init__(name=embedding.name)
        vars(self)['_tl_cell'] = embedding._tl_cell  # its weights
        self._embedding = embedding

    def apply_fn(self, x, weights, state, context):
        _, state = self._embedding.apply_fn(x, weights, state, context)  # what it refuses
        return Rows(weights, x), state
