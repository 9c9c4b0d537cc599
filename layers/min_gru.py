"""MinGRU: a gated recurrent unit whose gates do not read the state, as a layer and as a cell."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .checks import positive
from .initializers import GlorotUniformInitializer, Initializer, RandomNormalInitializer
from .linear_cell import LinearCell
from .named import named, named_gate
from .recurrent import Recurrent
from .recurrent_cell import Map


class MinGRUWeights(NamedTuple):
    """Weights of a MinGRU of n units over d features."""

    w: jax.Array  # (d, 2n): update gate z, candidate v
    b: jax.Array  # (2n,)


class MinGRUCell(LinearCell):
    """Runs one step of a minimal gated recurrent unit.

        z, v = split(x w + b)
        h'   = (1 - sigmoid(z)) * h + sigmoid(z) * g(v)
        g(v) = v + 1/2 where v >= 0, else sigmoid(v)

    g is positive, and so is h from a state of 0 on. No product has the state in it, so Recurrent
    runs all steps at once.

    Shapes: x (..., d), h (..., n_units) -> h' (..., n_units), h' (..., n_units).

    Args:
      n_units: the size of h.
      kernel_initializer: makes w.
      bias_initializer: makes b.

    Weights: MinGRUWeights(w (d, 2n), b (2n,)).

    Raises:
      ValueError: n_units is not a positive int; a width is another than that of the weights.

    Source: Feng et al. 2024, Were RNNs all we needed?, arXiv 2410.01201, section 3.1 and, for g,
    appendix B. Its loop over logarithms is not needed here.
    """

    weights_type = MinGRUWeights

    def __init__(
        self,
        n_units: int,
        kernel_initializer: Initializer = GlorotUniformInitializer(),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
    ):
        super().__init__(n_units, kernel_initializer, bias_initializer)

    def maps(self):
        return {'all': Map(2 * self._n_units, operand=0)}

    def sequence(self, x, affine, recurrence):
        z, v = jnp.split(affine('all'), 2, axis=-1)
        z, c = named_gate('z', jax.nn.sigmoid(z)), named('c', positive_part(v))
        return recurrence(1 - z, z * c)


class MinGRU(Recurrent):
    """Runs a minimal gated recurrent unit along time, all steps at once; see MinGRUCell.

    `Recurrent(MinGRUCell(...), ...)` has everything else: lengths and masks, resets, learned
    initial states, the other direction.

    Shapes: x (b, t, d) -> (b, t, n_units).

    Args:
      n_units: the size of h.
      mode: as for every layer.

    Weights: MinGRUWeights(w (d, 2n), b (2n,)).

    State: in predict and with carry, h (b, n_units), zeros at first; see Recurrent.

    Raises:
      ValueError: n_units is not a positive int; x is not (batch, time, features) of floats, or of
        another width than the weights; the state is of another batch.

    Source: Feng et al. 2024, arXiv 2410.01201.
    """

    def __init__(self, n_units: int, mode: str | None = None):
        positive(n_units, 'MinGRU: n_units')
        super().__init__(MinGRUCell(n_units), mode, name=f'MinGRU_{n_units}')


def positive_part(v: jax.Array) -> jax.Array:
    """Returns v + 1/2 where v >= 0, else sigmoid(v): continuous, positive, growing."""
    return jnp.where(v >= 0, v + 0.5, jax.nn.sigmoid(v))
