"""LSTM: the long short-term memory, as a layer over time and as a cell for one step."""

from ..kernels import LSTMWeights, lstm, lstm_step
from .initializers import GlorotUniformInitializer, Initializer, RandomNormalInitializer
from .recurrence import AlongTime, Kind, OneStep


class _LSTM(Kind):
    """What LSTM and LSTMCell have in common."""

    _kernel, _kernel_step = staticmethod(lstm), staticmethod(lstm_step)
    _state_multiplier = 2

    def _new_weights(self, d, context):
        n = self._n_units
        return LSTMWeights(
            self._kernel_initializer((d + n, 4 * n), context.key('w')),
            self._bias_initializer((4 * n,), context.key('b')) + self._forget_bias,
        )


class LSTM(_LSTM, AlongTime):
    """Runs a long short-term memory along time.

        i, j, f, o = split([x, h] w + b)
        c' = c * sigmoid(f) + sigmoid(i) * tanh(j)
        h' = tanh(c') * sigmoid(o)

    The width of the input need not be n_units.

    Shapes: x (b, t, d) -> (b, t, n_units); a state on the stack is [c, h] (b, 2 n_units).

    Args:
      n_units: the size of c and of h.
      mode: as for every layer.
      return_state: whether to give the last state too, below the output.
      initial_state: whether to take the first state from the stack, below x; else it is zeros.
        In predict and with carry it is taken at the first call only.
      forget_bias: added to the biases of all gates and of the candidate, as in Trax; elsewhere it
        is the forget gate's alone.
      kernel_initializer: makes w.
      bias_initializer: makes b.

    Weights: LSTMWeights(w (d+n, 4n), b (4n,)).

    State: in predict and with carry, [c, h] (b, 2 n_units), zeros at first; with initial_state
    (state, started); else none.

    Raises:
      ValueError: n_units is not a positive int; x is not (batch, time, features) of floats, or of
        another width than the weights; a state is of another width or batch.

    Source: Gers et al. 2000, Learning to Forget; Trax 1.4.1, trax.layers.rnn.LSTM.
    """

    def __init__(
        self,
        n_units: int,
        mode: str | None = None,
        return_state: bool = False,
        initial_state: bool = False,
        forget_bias: float = 1.0,
        kernel_initializer: Initializer = GlorotUniformInitializer(),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
    ):
        super().__init__(
            n_units,
            mode,
            takes_state=initial_state,
            gives_state=return_state,
            forget_bias=forget_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
        )


class LSTMCell(_LSTM, OneStep):
    """Runs one step of a long short-term memory; Scan makes a layer over time of it.

    Equations, weights and arguments are LSTM's. The state is [c, h], joined at the last axis.

    Shapes: x (..., d), state (..., 2 n_units) -> h' (..., n_units), state' (..., 2 n_units).

    Raises:
      ValueError: n_units is not a positive int; a width is another than that of the weights.

    Source: Trax 1.4.1, trax.layers.rnn.LSTMCell.
    """

    def __init__(
        self,
        n_units: int,
        forget_bias: float = 1.0,
        kernel_initializer: Initializer = GlorotUniformInitializer(),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
    ):
        super().__init__(
            n_units,
            forget_bias=forget_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
        )
