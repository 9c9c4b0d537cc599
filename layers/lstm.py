"""LSTM: the long short-term memory, as a layer over time and as a cell for one step."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .checks import positive
from .initializers import GlorotUniformInitializer, Initializer, RandomNormalInitializer
from .named import named, named_gate
from .recurrent import Recurrent
from .recurrent_cell import Map, RecurrentCell


class LSTMWeights(NamedTuple):
    """Weights of an LSTM of n units over d features; the rows of w are x's, then h's."""

    w: jax.Array  # (d + n, 4n): input gate i, candidate j, forget gate f, output gate o
    b: jax.Array  # (4n,)


class LSTMCell(RecurrentCell):
    """Runs one step of a long short-term memory.

        i, j, f, o = split([x, h] w + b)
        c' = c * sigmoid(f) + sigmoid(i) * tanh(j)
        h' = tanh(c') * sigmoid(o)

    The state is [c, h], joined at the last axis. Scan and Recurrent make layers over time of it.

    Shapes: x (..., d), state (..., 2 n_units) -> h' (..., n_units), state' (..., 2 n_units).

    Args:
      n_units: the size of c and of h.
      forget_bias: added to the biases of all gates and of the candidate, as in Trax; elsewhere it
        is the forget gate's alone.
      kernel_initializer: makes w.
      bias_initializer: makes b.
      recurrent_initializer: makes the rows of h apart, each gate's by itself; None: they are made
        with those of x.

    Weights: LSTMWeights(w (d+n, 4n), b (4n,)).

    Raises:
      ValueError: n_units is not a positive int; a width is another than that of the weights.

    Source: Gers et al. 2000, Learning to Forget; Trax 1.4.1, trax.layers.rnn.LSTMCell.
    """

    weights_type = LSTMWeights

    def __init__(
        self,
        n_units: int,
        forget_bias: float = 1.0,
        kernel_initializer: Initializer = GlorotUniformInitializer(),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
        recurrent_initializer: Initializer | None = None,
    ):
        super().__init__(n_units, kernel_initializer, bias_initializer, recurrent_initializer)
        self._forget_bias = forget_bias

    @property
    def state_widths(self):
        """The sizes of c and h."""
        return (self._n_units, self._n_units)

    def maps(self):
        return {'gates': Map(4 * self._n_units, shift=self._forget_bias)}

    def step(self, state, affine):
        c, h = state
        i, j, f, o = jnp.split(affine('gates', h), 4, axis=-1)
        i, f, o = (named_gate(k, jax.nn.sigmoid(v)) for k, v in zip('ifo', (i, f, o), strict=True))
        c = named('c', c * f + i * named('j', jnp.tanh(j)))
        return c, named('h', jnp.tanh(c) * o)


class LSTM(Recurrent):
    """Runs a long short-term memory along time; the equations are LSTMCell's.

    `Recurrent(LSTMCell(...), ...)` has everything else: lengths and masks, resets, learned initial
    states, the other direction.

    Shapes: x (b, t, d) -> (b, t, n_units); a state on the stack is [c, h] (b, 2 n_units). The
    width of the input need not be n_units.

    Args:
      n_units: the size of c and of h.
      mode: as for every layer.
      return_state: whether to give the last state too, below the output.
      initial_state: whether to take the first state from the stack, below x; see Recurrent.
      forget_bias: see LSTMCell.
      kernel_initializer: makes w.
      bias_initializer: makes b.

    Weights: LSTMWeights(w (d+n, 4n), b (4n,)).

    State: in predict and with carry, [c, h] (b, 2 n_units), zeros at first; see Recurrent.

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
        initial_state: Any = False,
        forget_bias: float = 1.0,
        kernel_initializer: Initializer = GlorotUniformInitializer(),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
    ):
        positive(n_units, 'LSTM: n_units')
        cell = LSTMCell(n_units, forget_bias, kernel_initializer, bias_initializer)
        super().__init__(cell, mode, initial_state, return_state, name=f'LSTM_{n_units}')
