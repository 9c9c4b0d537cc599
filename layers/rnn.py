"""RNN: the plain recurrent network, as a layer over time and as a cell for one step."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .checks import positive
from .initializers import GlorotUniformInitializer, Initializer, RandomNormalInitializer
from .named import named
from .recurrent import Recurrent
from .recurrent_cell import Map, RecurrentCell


class RNNWeights(NamedTuple):
    """Weights of an RNN of n units over d features; the rows of w are x's, then h's."""

    w: jax.Array  # (d + n, n)
    b: jax.Array  # (n,)


class RNNCell(RecurrentCell):
    """Runs one step of a plain recurrent network: h' = activation([x, h] w + b).

    Shapes: x (..., d), h (..., n_units) -> h' (..., n_units), h' (..., n_units).

    Args:
      n_units: the size of h.
      activation: a function of an array.
      kernel_initializer: makes w.
      bias_initializer: makes b.
      recurrent_initializer: makes the rows of h apart; None: they are made with those of x.

    Raises:
      ValueError: n_units is not a positive int; a width is another than that of the weights.

    Source: Elman 1990, Finding Structure in Time; Jozefowicz et al. 2015, equation 1.
    """

    weights_type = RNNWeights

    def __init__(
        self,
        n_units: int,
        activation: Any = jnp.tanh,
        kernel_initializer: Initializer = GlorotUniformInitializer(),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
        recurrent_initializer: Initializer | None = None,
    ):
        super().__init__(n_units, kernel_initializer, bias_initializer, recurrent_initializer)
        self._activation = activation

    @property
    def activation(self) -> Any:
        """What the new state is a function of."""
        return self._activation

    def maps(self):
        return {'state': Map(self._n_units)}

    def step(self, state, affine):
        return named('h', affine('state', state, self._activation))


class RNN(Recurrent):
    """Runs a plain recurrent network along time: h' = activation([x, h] w + b).

    `Recurrent(RNNCell(...), ...)` has everything else: lengths and masks, resets, learned initial
    states, the other direction.

    Shapes: x (b, t, d) -> (b, t, n_units); the width of the input need not be n_units.

    Args:
      n_units: the size of h.
      mode: as for every layer.
      activation: a function of an array.
      kernel_initializer: makes w.
      bias_initializer: makes b.
      return_state: whether to give the last h too, below the output.
      initial_state: see Recurrent.

    Weights: RNNWeights(w (d+n, n), b (n,)).

    State: in predict and with carry, h (b, n_units), zeros at first; see Recurrent.

    Raises:
      ValueError: n_units is not a positive int; x is not (batch, time, features) of floats, or of
        another width than the weights; the state is of another batch.

    Source: Elman 1990, Finding Structure in Time.
    """

    def __init__(
        self,
        n_units: int,
        mode: str | None = None,
        activation: Any = jnp.tanh,
        kernel_initializer: Initializer = GlorotUniformInitializer(),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
        return_state: bool = False,
        initial_state: Any = 'zeros',
    ):
        positive(n_units, 'RNN: n_units')
        cell = RNNCell(n_units, activation, kernel_initializer, bias_initializer)
        super().__init__(cell, mode, initial_state, return_state, name=f'RNN_{n_units}')
