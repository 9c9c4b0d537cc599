"""Cache: a layer that is computed once, such as an encoder while its decoder steps."""

import jax
import jax.numpy as jnp

from . import passes
from .errors import StateError
from .layer import Layer
from .signature import is_symbolic, signature
from .stack import as_items, as_stack
from .state import hold, release


class Cache(Layer):
    """Applies a layer at the first call and gives the same outputs at the calls that follow.

    It does so where layers with memory continue, in predict and with carry; a new state forgets.
    In train and eval it is the layer itself.

    Args:
      layer: the layer; after the first call it is not computed.
      mode: as for every layer; in a model of several inputs, tell it 'predict'.

    State: (state of the layer, (outputs, whether they are there) where it steps, else ()).

    Raises:
      StateError: the state was made for outputs of another shape.

    Source: Trax 1.4.1, trax.layers.combinators.Cache.
    """

    has_memory = True

    def __init__(self, layer: Layer, mode: str | None = None):
        super().__init__(layer.n_in, layer.n_out, mode=mode)
        self._sublayers = (layer,)

    def init_through(self, inputs, context, notebook):
        inside = context.child(self._labels[0])
        w, s, y = passes.initialise(self._sublayers[0], inputs, inside, notebook)
        if not context.steps or (is_symbolic(y) and not notebook.tracing):
            return (w,), (s, ()), y
        zeros = jax.tree.map(lambda out: jnp.zeros(out.shape, out.dtype), as_items(y))
        return (w,), (s, hold((zeros, jnp.zeros((), bool)), context)), y

    def apply_fn(self, x, weights, state, context):
        sub_state, mine = state
        inside = context.child(self._labels[0])
        if not context.steps:
            y, s = passes.apply(self._sublayers[0], x, weights[0], sub_state, inside)
            return y, (s, ())
        kept, there = release(mine, context)

        def first(x):
            y, s = passes.apply(self._sublayers[0], x, weights[0], sub_state, inside)
            _check_kept(kept, as_items(y))
            return jax.tree.map(jnp.asarray, as_items(y)), s

        y, s = jax.lax.cond(there, lambda x: (kept, sub_state), first, x)
        return as_stack(y), (s, hold((y, jnp.ones((), bool)), context))


def _check_kept(kept, given):
    kept, given = signature(kept), signature(given)
    if kept != given:
        raise StateError(
            f'Cache: the state is for outputs {kept}, the layer gives {given}; '
            'make a new state for inputs of another size, with init or new_state(batch_size)'
        )
