"""SRU: the simple recurrent unit, as a layer, as a cell, and Trax's inner parts of it."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..combinators import Fn, Layer, PureLayer, Scan, mismatch
from ..kernels import identity
from .checks import positive
from .initializers import GlorotUniformInitializer, Initializer, RandomNormalInitializer
from .linear_cell import LinearCell, of_width
from .named import named, named_gate
from .recurrent import Recurrent
from .recurrent_cell import Map


class SRUWeights(NamedTuple):
    """Weights of an SRU of n units, which takes n features."""

    w: jax.Array  # (n, 3n): output gate r, forget gate f, candidate v
    b: jax.Array  # (3n,)


class SRUCell(LinearCell):
    """Runs one step of a simple recurrent unit.

        r, f, v = split(x w + b);  r, f = sigmoid(r), sigmoid(f)
        c' = f * c + (1 - f) * v
        y  = r * activation(c') + sqrt(3) (1 - r) * x

    No product has the state in it, so Recurrent runs all steps at once. The factor sqrt(3) keeps
    the variance of x in deep stacks.

    Shapes: x (..., n_units), c (..., n_units) -> y (..., n_units), c' (..., n_units).

    Args:
      n_units: the size of c, of y and of the input.
      activation: a function of an array, or a layer without weights, such as Tanh(); None for
        none.
      kernel_initializer: makes w.
      bias_initializer: makes b.

    Weights: SRUWeights(w (n, 3n), b (3n,)).

    Raises:
      ValueError: n_units is not a positive int; x is of another width.

    Source: Lei et al. 2017, arXiv 1709.02755, equations 3 to 7, without the gates' products with
    c of later versions; the factor is that of its section 3.2. Trax 1.4.1, trax.layers.rnn.SRU.
    """

    weights_type = SRUWeights

    def __init__(
        self,
        n_units: int,
        activation: Any = None,
        kernel_initializer: Initializer = GlorotUniformInitializer(),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
    ):
        super().__init__(n_units, kernel_initializer, bias_initializer)
        self._activation = _function(activation)

    def maps(self):
        return {'all': Map(3 * self._n_units, operand=0)}

    def new_params(self, d, context):
        of_width(d, self._n_units, 'SRU')
        return {}

    def sequence(self, x, affine, recurrence):
        r, f, v = jnp.split(affine('all'), 3, axis=-1)
        r, f = named_gate('r', jax.nn.sigmoid(r)), named_gate('f', jax.nn.sigmoid(f))
        c = recurrence(f, (1 - f) * named('v', v))
        return r * self._activation(c) + (1 - r) * x * math.sqrt(3)


class SRU(Recurrent):
    """Runs a simple recurrent unit along time, all steps at once; the equations are SRUCell's.

    `Recurrent(SRUCell(...), ...)` has everything else: lengths and masks, resets, learned initial
    states, the other direction.

    Shapes: x (b, t, n_units) -> (b, t, n_units).

    Args:
      n_units: the size of the output and of the input.
      activation: of c, see SRUCell.
      mode: as for every layer.

    Weights: SRUWeights(w (n, 3n), b (3n,)).

    State: in predict and with carry, c (b, n_units), zeros at first; see Recurrent.

    Raises:
      ValueError: n_units is not a positive int; x is not (batch, time, n_units) of floats; the
        state is of another batch.

    Source: Lei et al. 2017, arXiv 1709.02755; Trax 1.4.1, trax.layers.rnn.SRU.
    """

    def __init__(self, n_units: int, activation: Any = None, mode: str | None = None):
        positive(n_units, 'SRU: n_units')
        super().__init__(SRUCell(n_units, activation), mode, name=f'SRU_{n_units}')


def InnerSRUCell() -> PureLayer:
    """Returns a layer of the part of an SRU that has the state: c' = f * c + b, given twice.

    Inputs: b = (1 - f) * v, the forget gate f, the state c.

    Source: Trax 1.4.1, trax.layers.rnn.InnerSRUCell.
    """

    def step(b, f, c):
        c = f * c + b
        return c, c

    return Fn('InnerSRUCell', step, n_out=2)


def ScanSRUCell(mode: str | None = None) -> Scan:
    """Returns a layer of InnerSRUCell along time, one step after another.

    Inputs: (1 - f) * v and f (b, t, n), the first state (b, n). Outputs: the states (b, t, n) and
    the last one. SRU computes the same at once.

    Source: Trax 1.4.1, trax.layers.rnn.ScanSRUCell, without its mask for one research model.
    """
    return Scan(InnerSRUCell(), axis=1, mode=mode)


def _function(activation) -> Any:
    """Returns the function that a layer without weights is."""
    if activation is None:
        return identity
    if isinstance(activation, PureLayer):
        return lambda c: activation.pure_fn(c, (), (), None)[0]
    if isinstance(activation, Layer) or not callable(activation):
        raise mismatch(
            'SRU: the activation',
            'a function of an array, or a layer of one, such as Tanh()',
            repr(activation),
        )
    return activation
