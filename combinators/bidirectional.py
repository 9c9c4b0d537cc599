"""Bidirectional: a layer along time from both ends."""

import copy

import jax.numpy as jnp

from .fn import Concatenate, Fn
from .layer import Layer
from .parallel import Branch
from .paths import leaves
from .serial import Serial


class Resting(Serial):
    """A series that does not step: its parts start anew at every call, in every mode."""

    _tl_rests = True

    def init_through(self, inputs, context, notebook):
        return super().init_through(inputs, context.at_rest(), notebook)

    def apply_fn(self, x, weights, state, context):
        return super().apply_fn(x, weights, state, context.at_rest())


class Bidirectional(Resting):
    """Applies a layer forwards in time, another of the same definition backwards, and merges.

        y = merge(f(x), flip(g(flip(x))))

    f is the given layer; g has the same definition and weights of its own (Trax gives both the
    same initial weights). A layer that can go backwards by itself does (see Recurrent), so that
    lengths and masks are respected.

    It needs its whole input at every call, because outputs depend on what comes later. So it does
    not step: in predict it is in eval, and with carry too it starts anew at every call, whatever
    the layers within were told.

    Args:
      forward_layer: a layer such as GRU(n_units).
      axis: the axis of time.
      merge_layer: joins the outputs of both; Concatenate() by default.

    Shapes: (b, t, d) -> (b, t, 2 * n_units) for a GRU(n_units) and the default merge.

    Raises:
      ValueError: merge_layer does not take the outputs of both layers.

    Source: Schuster and Paliwal 1997, Bidirectional Recurrent Neural Networks, section II.
    """

    def __init__(self, forward_layer: Layer, axis: int = 1, merge_layer: Layer | None = None):
        merge_layer = Concatenate() if merge_layer is None else merge_layer
        if merge_layer.n_in != 2 * forward_layer.n_out:
            raise ValueError(
                f'Bidirectional: {forward_layer._name} has {forward_layer.n_out} outputs in each '
                f'direction, so merge_layer must take {2 * forward_layer.n_out}; '
                f'{merge_layer._name} takes {merge_layer.n_in}'
            )
        backward = _another(forward_layer)
        turned = getattr(backward, 'reversed', None)
        if axis == 1 and turned is not None:
            backward = turned()
        else:
            flip = Fn(
                '_FlipAlongTimeAxis', lambda x: jnp.flip(x, axis), is_causal=axis not in (1, -2)
            )
            backward = Serial(flip, backward, flip)
        # It prints as in Trax, where it is a Serial; its path says what it is.
        super().__init__(Branch(forward_layer, backward), merge_layer, name='Serial')

    @property
    def _tl_label(self):
        return type(self).__name__


def _another(layer):
    """Returns a layer of the same definition, without weights yet."""
    other = copy.deepcopy(layer)
    for leaf in leaves(other):
        leaf._tl_cell.forget()
    return other
