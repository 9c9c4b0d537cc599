"""BatchLeadingAxes: a layer on arrays with any number of batch axes."""

import math

import jax
import jax.numpy as jnp

from . import passes
from .layer import Layer
from .signature import ShapeDtype
from .stack import as_items


class BatchLeadingAxes(Layer):
    """Applies a layer after making one batch axis of all axes but the last few.

    BatchLeadingAxes(layer, 3) takes a layer on images (b, w, h, c) to videos (b, t, w, h, c).

    Args:
      layer: a layer whose inputs and outputs have the batch as their first axis.
      n_last_axes_to_keep: how many axes of each input are not batch.

    Shapes: (*axes, *kept) -> (*axes, *rest of the layer's outputs).

    State: (the layer's state, for a batch of the product of the leading axes).

    Raises:
      ValueError: the inputs have different leading axes, or an output has another batch axis.

    Source: Trax 1.4.1, trax.layers.combinators.BatchLeadingAxes.
    """

    def __init__(self, layer: Layer, n_last_axes_to_keep: int = 1):
        super().__init__(layer.n_in, layer.n_out)
        self._sublayers = (layer,)
        self._n_kept = n_last_axes_to_keep

    def _leading(self, inputs):
        found = {x.shape[: len(x.shape) - self._n_kept] for x in as_items(inputs)}
        if len(found) != 1 or any(len(x.shape) < self._n_kept for x in as_items(inputs)):
            raise ValueError(
                f'expected inputs with the same axes before the last {self._n_kept}, got shapes '
                f'{", ".join(str(x.shape) for x in as_items(inputs))}'
            )
        return found.pop()

    def _flat(self, x, rows):
        return (rows, *x.shape[len(x.shape) - self._n_kept :])

    def init_through(self, inputs, context, notebook):
        axes = self._leading(inputs)
        rows = math.prod(axes)
        flat = jax.tree.map(lambda s: ShapeDtype(self._flat(s, rows), s.dtype), inputs)
        inside = context.child(self._tl_labels[0])
        w, s, y = passes.initialise(self._sublayers[0], flat, inside, notebook)
        for out in as_items(y):
            if out.shape[:1] != (rows,):
                raise ValueError(f'expected outputs with the batch as first axis, got {out}')
        return (w,), (s,), jax.tree.map(lambda o: ShapeDtype((*axes, *o.shape[1:]), o.dtype), y)

    def apply_fn(self, x, weights, state, context):
        axes = self._leading(x)
        flat = jax.tree.map(lambda a: jnp.reshape(a, self._flat(a, math.prod(axes))), x)
        inside = context.child(self._tl_labels[0])
        y, s = passes.apply(self._sublayers[0], flat, weights[0], state[0], inside)
        return jax.tree.map(lambda a: jnp.reshape(a, (*axes, *a.shape[1:])), y), (s,)
