"""GRU: the gated recurrent unit, as a layer over time and as a cell for one step."""

from ..kernels import GRUWeights, gru, gru_step
from .initializers import Initializer, RandomNormalInitializer, RandomUniformInitializer
from .recurrence import AlongTime, Kind, OneStep


class _GRU(Kind):
    """What GRU and GRUCell have in common."""

    _kernel, _kernel_step = staticmethod(gru), staticmethod(gru_step)

    def _new_weights(self, d, context):
        n = self._n_units
        return GRUWeights(
            self._kernel_initializer((d + n, 2 * n), context.key('w1')),
            self._bias_initializer((2 * n,), context.key('b1')) + self._forget_bias,
            self._kernel_initializer((d + n, n), context.key('w2')),
            self._bias_initializer((n,), context.key('b2')),
        )


class GRU(_GRU, AlongTime):
    """Runs a gated recurrent unit along time.

        u, r = split(sigmoid([x, h] w1 + b1))
        c    = tanh([x, r * h] w2 + b2)
        h'   = u * h + (1 - u) * c

    The width of the input need not be n_units.

    Shapes: x (b, t, d) -> (b, t, n_units).

    Args:
      n_units: the size of h.
      mode: as for every layer.
      forget_bias: added to the biases of both gates.
      kernel_initializer: makes w1 and w2; uniform up to 0.01 by default, as in Trax, which learns
        slowly at first: GlorotUniformInitializer() does not.
      bias_initializer: makes b1 and b2.

    Weights: GRUWeights(w1 (d+n, 2n), b1 (2n,), w2 (d+n, n), b2 (n,)).

    State: in predict and with carry, h (b, n_units), zeros at first; else none.

    Raises:
      ValueError: n_units is not a positive int; x is not (batch, time, features) of floats, or of
        another width than the weights; the state is of another batch.

    Source: Cho et al. 2014, arXiv 1406.1078, equations 5 to 8; Trax 1.4.1, trax.layers.rnn.GRU.
    """

    def __init__(
        self,
        n_units: int,
        mode: str | None = None,
        forget_bias: float = 0.0,
        kernel_initializer: Initializer = RandomUniformInitializer(0.01),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
    ):
        super().__init__(
            n_units,
            mode,
            forget_bias=forget_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
        )


class GRUCell(_GRU, OneStep):
    """Runs one step of a gated recurrent unit; Scan makes a layer over time of it.

    Equations, weights and arguments are GRU's. The new state is the output and the carry.

    Shapes: x (..., d), h (..., n_units) -> h' (..., n_units), h' (..., n_units).

    Raises:
      ValueError: n_units is not a positive int; a width is another than that of the weights.

    Source: Trax 1.4.1, trax.layers.rnn.GRUCell.
    """

    def __init__(
        self,
        n_units: int,
        forget_bias: float = 0.0,
        kernel_initializer: Initializer = RandomUniformInitializer(0.01),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
    ):
        super().__init__(
            n_units,
            forget_bias=forget_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
        )
