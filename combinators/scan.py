"""Scan: a layer along an axis, with carries."""

import jax
import jax.numpy as jnp

from . import passes
from .declarations import declare
from .errors import StateError
from .layer import Layer
from .observing import observed
from .serial import ensure_layers
from .signature import ShapeDtype, infer, is_symbolic, signature
from .slices import Slices
from .stack import as_items, as_stack
from .state import hold, release


class Scan(Layer):
    """Applies a layer to each slice along an axis, handing its carries from slice to slice.

    The layer takes (x_1, ..., x_N, carry_1, ..., carry_M) and gives (y_1, ..., y_K, carry_1, ...,
    carry_M). Scan takes the x with the axis and the carries without it, and gives the y with the
    axis and the last carries: Scan(add)([1, 2, 3], 0) = [1, 3, 6], 6.

    Args:
      layer: the layer for one slice.
      axis: the axis of the inputs and outputs to go along; below 0 it counts from the end.
      n_carry: how many of the last inputs and outputs are carries.
      remat: whether to compute the layer again in the backward pass instead of storing it.
      mode: as for every layer; in predict the carries continue from the last call, and those on
        the stack are taken at the first call only.

    State: (state of the layer, (carries, started) where it steps, else ()), where started says for
    each row of each carry, along its first axis, whether it is to be taken instead of that on the
    stack. The layer's own state goes from slice to slice too.

    Raises:
      ValueError: n_carry is more than the layer takes or gives.

    Source: Trax 1.4.1, trax.layers.combinators.Scan.
    """

    def __init__(
        self,
        layer: Layer,
        axis: int = 0,
        n_carry: int = 1,
        remat: bool = False,
        mode: str | None = None,
    ):
        ensure_layers([layer], 'Scan')
        super().__init__(layer.n_in, layer.n_out, mode=mode)
        if n_carry > min(layer.n_in, layer.n_out):
            raise ValueError(
                f'Scan: n_carry is {n_carry}, but {layer._name} takes {layer.n_in} and gives '
                f'{layer.n_out}'
            )
        self._sublayers = (layer,)
        self._axis, self._n_carry, self._remat = axis, n_carry, remat
        declare(self, has_memory=n_carry > 0, couples_rows=n_carry > 0 and axis == 0)

    def _split(self, items):
        items = as_items(items)
        n = len(items) - self._n_carry
        return items[:n], items[n:]

    def _slices(self, inputs):
        """Returns the signature that the layer sees at one slice."""
        xs, carries = self._split(inputs)
        return as_stack((*(self._slice(x) for x in xs), *carries))

    def _slice(self, x):
        axis = self._axis + len(x.shape) if self._axis < 0 else self._axis
        if not 0 <= axis < len(x.shape):
            raise ValueError(f'expected inputs with an axis {self._axis}, got {x}')
        return ShapeDtype(x.shape[:axis] + x.shape[axis + 1 :], x.dtype)

    def _start(self, inputs, context, notebook):
        """Returns weights and initial state for inputs of a signature."""
        layer, inside = self._sublayers[0], context.child(self._tl_labels[0])
        weights, sub_state, _ = passes.initialise(layer, self._slices(inputs), inside, notebook)
        _, carries = self._split(inputs)
        later = is_symbolic(carries) and not notebook.tracing
        if later or not (context.steps and self._n_carry):
            return weights, (sub_state, ())
        zeros = tuple(jnp.zeros(c.shape, c.dtype) for c in carries)
        started = tuple(jnp.zeros(c.shape[:1], bool) for c in carries)
        return weights, (sub_state, hold((zeros, started), context))

    def init_through(self, inputs, context, notebook):
        symbolic = is_symbolic(inputs)
        weights, state = self._start(inputs, context, notebook)
        full = (notebook.expanded[self._sublayers[0]._tl_cell],)

        def run(x):
            start = state
            if symbolic:
                start = self._start(signature(x), context, notebook.for_tracing())[1]
            return self.apply_fn(x, full, start, context)[0]

        return (weights,), state, infer(run, inputs)

    def apply_fn(self, x, weights, state, context):
        xs, carries = self._split(x)
        carries = tuple(jnp.asarray(c) for c in carries)
        inside = context.child(self._tl_labels[0])
        sub_state, mine = state
        continues = context.steps and self._n_carry
        if continues:
            kept, started = release(mine, context)
            check_batch(kept, carries)
            carries = tuple(map(_where, started, kept, carries))

        ys, carries, sub_state = self._all_slices(xs, carries, weights[0], sub_state, inside)
        started = tuple(jnp.ones(c.shape[:1], bool) for c in carries)
        mine = hold((carries, started), context) if continues else ()
        return as_stack((*ys, *carries)), (sub_state, mine)

    def _all_slices(self, xs, carries, weights, sub_state, context):
        """Returns the y along the axis, the last carries and the layer's last state."""
        layer = self._sublayers[0]
        fits = self._axis == 1 and len(xs) == 1 and xs[0].ndim == 3
        # Who observes wants to see the layer at each slice.
        if layer.over_time is None or observed() or not fits:
            return self._slice_by_slice(xs, carries, weights, sub_state, context)
        y, carry = layer.over_time(xs[0], carries[0], weights, context, self._remat)
        return (y,), (carry,), sub_state

    def _slice_by_slice(self, xs, carries, weights, sub_state, context):
        layer, named = self._sublayers[0], Slices()

        def step(loop, slices):
            i, carries, sub_state = loop
            here = context
            if context.rng is not None:
                here = context.replace(rng=jax.random.fold_in(context.rng, i))
            top = as_stack((*slices, *carries))
            with named.heard():
                y, sub_state = passes.apply(layer, top, weights, sub_state, here)
            ys, carries = self._split(y)
            return (i + 1, carries, sub_state), (ys, named.arrays())

        body = jax.checkpoint(step) if self._remat else step
        moved = tuple(jnp.moveaxis(x, self._axis, 0) for x in xs)
        start = (jnp.zeros((), jnp.int32), carries, sub_state)
        (_, carries, sub_state), (ys, stacked) = jax.lax.scan(body, start, moved)
        named.tell(stacked)
        return tuple(jnp.moveaxis(y, 0, self._axis) for y in ys), carries, sub_state


def _where(started, kept, given):
    """Returns the rows of a carry that was kept where they have started, else those given."""
    return jnp.where(
        started.reshape(started.shape + (1,) * (given.ndim - started.ndim)), kept, given
    )


def check_batch(kept, given):
    """Raises if carries that were kept are of other shapes than those on the stack."""
    for old, new in zip(kept, given, strict=True):
        if old.shape != new.shape:
            raise StateError(
                f'Scan: the state is for carries of shape {old.shape}, got {new.shape}; '
                'use model.new_state(batch_size) for another batch'
            )
