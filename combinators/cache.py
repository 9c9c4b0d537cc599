"""Cache: a layer that is computed once, such as an encoder while its decoder steps."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from . import passes
from .errors import StateError
from .layer import Layer
from .signature import is_symbolic, signature
from .stack import as_items, as_stack
from .state import hold, release


class Kept(NamedTuple):
    """What a Cache keeps of its first call."""

    outputs: Any  # the arrays that its layer gave; None: known not to be there
    there: jax.Array | None  # () bool: whether they are; None: known without looking


class Cache(Layer):
    """Applies a layer at the first call and gives the same outputs at the calls that follow.

    It does so where layers with memory continue, in predict and with carry; a new state forgets.
    In train and eval it is the layer itself.

    Args:
      layer: the layer; after the first call it is not computed.
      mode: as for every layer; in a model of several inputs, tell it 'predict'.

    State: (state of the layer, Kept(outputs, there) where it steps, else ()).

    Raises:
      StateError: the state was made for outputs of another shape.

    Source: Trax 1.4.1, trax.layers.combinators.Cache.
    """

    has_memory = True

    def __init__(self, layer: Layer, mode: str | None = None):
        super().__init__(layer.n_in, layer.n_out, mode=mode)
        self._sublayers = (layer,)

    def init_through(self, inputs, context, notebook):
        inside = context.child(self._tl_labels[0])
        w, s, y = passes.initialise(self._sublayers[0], inputs, inside, notebook)
        if not context.steps or (is_symbolic(y) and not notebook.tracing):
            return (w,), (s, ()), y
        zeros = jax.tree.map(lambda out: jnp.zeros(out.shape, out.dtype), as_items(y))
        return (w,), (s, hold(Kept(zeros, jnp.zeros((), bool)), context)), y

    def apply_fn(self, x, weights, state, context):
        sub_state, mine = state
        inside = context.child(self._tl_labels[0])
        if not context.steps:
            y, s = passes.apply(self._sublayers[0], x, weights[0], sub_state, inside)
            return y, (s, ())
        kept = release(mine, context)

        def first(x):
            y, s = passes.apply(self._sublayers[0], x, weights[0], sub_state, inside)
            return jax.tree.map(jnp.asarray, as_items(y)), s

        if kept.there is None:
            if kept.outputs is not None:
                return as_stack(kept.outputs), state
            y, s = first(x)
            return as_stack(y), (s, hold(Kept(y, None), context))

        def first_in_place(x):
            y, s = first(x)
            _check_kept(kept.outputs, y)
            return y, s

        y, s = jax.lax.cond(kept.there, lambda x: (kept.outputs, sub_state), first_in_place, x)
        return as_stack(y), (s, hold(Kept(y, jnp.ones((), bool)), context))


def in_caches(change: Callable[[Kept], Kept], state: Any) -> Any:
    """Returns a state with what caches keep changed by a function, and all else as it is."""
    return jax.tree.map(lambda s: change(s) if _is_kept(s) else s, state, is_leaf=_is_kept)


def emptied(state: Any) -> Any:
    """Returns a state whose caches know that they are empty, and will know that they are full.

    Compiled steps then have no branch for a first call, and the first call makes room for outputs
    of any size.
    """
    return in_caches(lambda kept: Kept(None, None), state)


def filled(state: Any, after: Any) -> Any:
    """Returns a state with what caches keep in another one of the same model."""
    choose = lambda mine, theirs: theirs if _is_kept(mine) else mine  # noqa: E731
    return jax.tree.map(choose, state, after, is_leaf=_is_kept)


def _is_kept(node):
    return isinstance(node, Kept)


def _check_kept(kept, given):
    kept, given = signature(kept), signature(given)
    if kept != given:
        raise StateError(
            f'Cache: the state is for outputs {kept}, the layer gives {given}; '
            'make a new state for inputs of another size, with init or new_state(batch_size)'
        )
