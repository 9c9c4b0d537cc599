"""ReversibleHalfResidual: a residual around other items than the one that it adds to."""

import jax
import jax.numpy as jnp

from . import passes
from .layer import Layer
from .reversible import ReversibleLayer
from .serial import Serial
from .stack import as_items, as_stack


class ReversibleHalfResidual(ReversibleLayer):
    """Adds what a series of layers gives for the other items to the top item.

        y, c = x + f(c), c        and back:   x, c = y - f(c), c

    Two of them and a ReversibleSwap between make the block of a reversible residual network.

    Args:
      *residual_layers: the series f, or its first layers.
      attention_layer: one more layer of f, after the others.
      name: the name to print.

    Shapes: x as f(c); the items c as f takes them; out as in.

    Raises:
      ValueError: f does not give one output, or one of another shape or wider dtype than x.

    Source: Gomez et al. 2017, arXiv 1707.04585, equations 6 and 7; Trax 1.4.1,
    trax.layers.reversible.ReversibleHalfResidual.
    """

    def __init__(self, *residual_layers, attention_layer: Layer | None = None, name=None):
        f = Serial(*residual_layers, attention_layer)
        if f.n_out != 1:
            raise ValueError(
                f'ReversibleHalfResidual: the layers give {f.n_out} outputs; a sum takes one'
            )
        super().__init__(f.n_in + 1, f.n_in + 1, name=name)
        self._sublayers = (f,)

    def init_through(self, inputs, context, notebook):
        x, *c = as_items(inputs)
        inside = context.child(self._tl_labels[0])
        w, s, y = passes.initialise(self._sublayers[0], as_stack(tuple(c)), inside, notebook)
        if y.shape != x.shape or jnp.promote_types(x.dtype, y.dtype) != x.dtype:
            raise ValueError(f'the layers give {y}, which cannot be added to {x} and taken away')
        return (w,), (s,), inputs

    def apply_fn(self, x, weights, state, context):
        x, *c = as_items(x)
        y, new_state = self._residual(c, weights, state, context)
        return as_stack((x + y, *c)), new_state

    def reverse(self, output, weights=(), state=(), new_state=(), rng=None):
        x, *c = as_items(output)
        y, _ = self._residual(c, weights, state, self._reversing(rng))
        return as_stack((x - y, *c))

    def reverse_and_grad(self, output, grad, weights=(), state=(), new_state=(), rng=None):
        context = self._reversing(rng)
        (x, *c), (dx, *dc) = as_items(output), as_items(grad)
        y, vjp = jax.vjp(lambda c, w: self._residual(c, w, state, context)[0], c, weights)
        through, dw = vjp(dx.astype(y.dtype))
        dc = [_sum(*pair) for pair in zip(dc, through, strict=True)]
        return as_stack((x - y, *c)), (as_stack((dx, *dc)), dw)

    def _residual(self, c, weights, state, context):
        inside = context.child(self._tl_labels[0])
        y, s = passes.apply(self._sublayers[0], as_stack(tuple(c)), weights[0], state[0], inside)
        return y, (s,)


def _sum(a, b):
    """Adds gradients; those of integers, such as ids or masks, are of jax's empty type."""
    return a if a.dtype == jax.dtypes.float0 else a + b
