"""LinearCell: a recurrence that is linear in its state, so that all steps run at once.

A cell names its maps, all of the input alone, and writes what it does to a whole sequence:

    class MeanCell(tl.LinearCell):  # a running mean of what a map gives, with a gate

        def maps(self):
            return {'gates': tl.Map(2 * self.n_units, operand=0)}

        def sequence(self, x, affine, recurrence):
            f, v = jnp.split(affine('gates'), 2, axis=-1)
            f = jax.nn.sigmoid(f)
            return recurrence(f, (1 - f) * v)  # h' = f * h + (1 - f) * v

Its state is one array of n_units numbers.
"""

from typing import Any, cast

import jax
import jax.numpy as jnp

from ..combinators import mismatch
from ..kernels import Flags, dot, identity, linear_recurrence
from ..kernels import affine as affine_product
from .recurrent_cell import Along, RecurrentCell


class LinearCell(RecurrentCell):
    """Runs one step of h' = a * h + b, where a and b are functions of the input alone.

    Recurrent makes a layer over time of it that is parallel in time. A cell overrides `maps` and
    `sequence`; its weights, arguments and errors are those of RecurrentCell.
    """

    def sequence(self, x: Any, affine: Any, recurrence: Any) -> Any:
        """Returns the outputs (b, t, n_units) for a sequence.

        A cell that has `params` takes them after these.

        Args:
          x: the inputs (b, t, d).
          affine: gives `activation(map of x)` for (name, activation), each name once.
          recurrence: gives the states h_t = a_t * h_(t-1) + b_t for (a, b); to be asked once.
        """
        raise NotImplementedError(f'{type(self).__name__} has no sequence')

    def along_time(self, x, start, weights, flags, fresh, along):
        def run(x, start, weights, fresh):
            return self._along_time(x, start, weights, flags, fresh, along)

        if along.remat:  # nothing but x is kept for the backward pass
            run = jax.checkpoint(run)
        return run(x, start, weights, fresh)

    def _along_time(self, x, start, weights, flags, fresh, along: Along):
        last = start

        def recurrence(a, b):
            nonlocal last
            a, b = _guarded(*jnp.broadcast_arrays(a, b), flags, fresh)
            states = linear_recurrence(
                a, b, start, reverse=along.reverse, implementation=along.implementation
            )
            if x.shape[1]:
                last = states[:, 0 if along.reverse else -1]
            return states

        affine, sequence = self._affine(x, weights, along.precision), cast(Any, self.sequence)
        return sequence(x, affine, recurrence, *self.params(weights)), last

    def _affine(self, x, weights, precision):
        """Returns the maps as functions for a sequence x."""
        maps = self.affines(weights)

        def mapped(name, activation=identity):
            kernel, bias = maps[name].kernel, maps[name].bias
            if bias is None:
                return activation(dot(x, kernel, precision))
            return activation(affine_product(x, kernel, bias, precision))

        return mapped


def _guarded(a, b, flags: Flags, fresh):
    """Returns a and b of the same recurrence as far as the flags allow; see kernels.Flags."""
    if flags.keep is not None:
        keep = flags.keep.reshape(*a.shape[:2], -1)
        if jnp.issubdtype(keep.dtype, jnp.floating):
            a, b = 1 - keep + keep * a, keep * b
        else:
            a, b = jnp.where(keep, a, 1), jnp.where(keep, b, 0)
    if flags.fresh is not None:
        begins = flags.fresh[..., None]
        a, b = jnp.where(begins, 0, a), jnp.where(begins, a * fresh[:, None] + b, b)
    return a, b


def of_width(d: int, n_units: int, cell: str) -> None:
    """Raises ValueError unless a cell whose output reads x itself is as wide as x."""
    if d != n_units:
        raise mismatch(
            "the width of the input's last axis",
            f'{n_units}, the n_units of {cell}, which mixes x itself in',
            d,
            f'Put a Dense({n_units}) before it.',
        )
