"""GRU: the gated recurrent unit, as a layer over time and as a cell for one step."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from ..combinators import mismatch
from .checks import positive
from .initializers import Initializer, RandomNormalInitializer, RandomUniformInitializer
from .named import named, named_gate
from .recurrent import Recurrent
from .recurrent_cell import Map, RecurrentCell


class GRUWeights(NamedTuple):
    """Weights of a GRU of n units over d features; the rows of kernels are x's, then h's."""

    w1: jax.Array  # (d + n, 2n): update gate, reset gate
    b1: jax.Array  # (2n,)
    w2: jax.Array  # (d + n, n): candidate
    b2: jax.Array  # (n,)


class GRUResetAfterWeights(NamedTuple):
    """Weights of a GRU whose reset gate comes after the product."""

    w1: jax.Array  # (d + n, 2n): update gate, reset gate
    b1: jax.Array  # (2n,)
    w2: jax.Array  # (d, n): candidate, x's part
    b2: jax.Array  # (n,)
    u2: jax.Array  # (n, n): candidate, h's part


class GRURecurrentBiasWeights(NamedTuple):
    """Weights of a GRU whose reset gate comes after the product, with a bias there."""

    w1: jax.Array  # (d + n, 2n): update gate, reset gate
    b1: jax.Array  # (2n,)
    w2: jax.Array  # (d, n): candidate, x's part
    b2: jax.Array  # (n,)
    u2: jax.Array  # (n, n): candidate, h's part
    c2: jax.Array  # (n,)


class GRUCandidateWeights(NamedTuple):
    """Weights of a GRU whose gates are both given: there is the candidate only."""

    w2: jax.Array
    b2: jax.Array


class GRUCell(RecurrentCell):
    """Runs one step of a gated recurrent unit.

        u, r = split(sigmoid([x, h] w1 + b1))
        c    = tanh([x, r * h] w2 + b2)                  reset='before', the product with h
        c    = tanh(x w2 + b2 + r * (h u2 + c2))         reset='after'
        h'   = u * h + (1 - u) * c                       update='keeps_old'
        h'   = (1 - u) * h + u * c                       update='keeps_new'

    The new state is the output and the carry; Scan and Recurrent make layers over time of it.

    Shapes: x (..., d), h (..., n_units) -> h' (..., n_units), h' (..., n_units).

    Args:
      n_units: the size of h.
      forget_bias: added to the biases of the gates.
      kernel_initializer: makes w1 and w2; uniform up to 0.01 by default, as in Trax, which learns
        slowly at first: GlorotUniformInitializer() does not.
      bias_initializer: makes the biases.
      recurrent_initializer: makes the rows of h apart, each gate's by itself; None: they are made
        with those of x.
      reset: whether the reset gate acts 'before' the product with the recurrent matrix, as in
        Cho et al., Trax and Haiku, or 'after' it, as in cuDNN, PyTorch, Keras and Flax.
      update: which state an update gate of 1 takes: the old one ('keeps_old': Trax, PyTorch,
        Keras) or the new one ('keeps_new': Chung et al., Haiku).
      recurrent_bias: with reset='after', whether there is the bias c2.
      update_gate: a number that the update gate is, without weights; None: it is learned.
      reset_gate: a number that the reset gate is, without weights; None: it is learned. With
        update_gate=0 and reset_gate=1 this is the plain RNN.

    Weights: GRUWeights(w1 (d+n, 2n), b1 (2n,), w2 (d+n, n), b2 (n,)); with reset='after' the
    candidate's rows of h are u2 (n, n); a gate that is given has no columns.

    Raises:
      ValueError: n_units is not a positive int; an option is none of its words; a recurrent bias
        without reset='after', where it could not be told from b2; a width is another than that
        of the weights.

    Source: Cho et al. 2014, arXiv 1406.1078, equations 5 to 8 ('before', 'keeps_old'); Chung et
    al. 2014, arXiv 1412.3555, equation 4, swaps the roles of u and 1 - u; Trax 1.4.1,
    trax.layers.rnn.GRUCell.
    """

    def __init__(
        self,
        n_units: int,
        forget_bias: float = 0.0,
        kernel_initializer: Initializer = RandomUniformInitializer(0.01),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
        recurrent_initializer: Initializer | None = None,
        reset: Literal['before', 'after'] = 'before',
        update: Literal['keeps_old', 'keeps_new'] = 'keeps_old',
        recurrent_bias: bool = False,
        update_gate: float | None = None,
        reset_gate: float | None = None,
    ):
        super().__init__(n_units, kernel_initializer, bias_initializer, recurrent_initializer)
        _one_of(reset, ('before', 'after'), 'reset')
        _one_of(update, ('keeps_old', 'keeps_new'), 'update')
        if recurrent_bias and reset == 'before':
            raise mismatch(
                'recurrent_bias', "reset='after'", "reset='before', where b2 is the same"
            )
        self._forget_bias, self._after = forget_bias, reset == 'after'
        self._keeps_new, self._recurrent_bias = update == 'keeps_new', recurrent_bias
        self._given = {'update': update_gate, 'reset': reset_gate}

    @property
    def weights_type(self) -> Any:
        """The NamedTuple of the weights."""
        after = GRURecurrentBiasWeights if self._recurrent_bias else GRUResetAfterWeights
        if self._learned_gates:
            return after if self._after else GRUWeights
        return None if self._after else GRUCandidateWeights

    @property
    def reset(self) -> Literal['before', 'after']:
        """Whether the reset gate acts before or after the product with the recurrent matrix."""
        return 'after' if self._after else 'before'

    @property
    def update(self) -> Literal['keeps_old', 'keeps_new']:
        """Which state an update gate of 1 takes."""
        return 'keeps_new' if self._keeps_new else 'keeps_old'

    @property
    def given_gates(self) -> dict[str, float]:
        """The gates that are numbers: 'update', 'reset'."""
        return {gate: given for gate, given in self._given.items() if given is not None}

    @property
    def _learned_gates(self):
        return [gate for gate, given in self._given.items() if given is None]

    def maps(self):
        n = self._n_units
        gates = len(self._learned_gates) * n
        maps = {'gates': Map(gates, shift=self._forget_bias)} if gates else {}
        if not self._after:
            return {**maps, 'candidate': Map(n)}
        recurrent = Map(n, of_x=False, bias=self._recurrent_bias)
        return {**maps, 'candidate': Map(n, operand=0), 'recurrent': recurrent}

    def step(self, state, affine):
        u, r = self._gates(state, affine)
        if self._after:
            c = jnp.tanh(affine('candidate') + r * affine('recurrent', state))
        else:
            c = affine('candidate', r * state, jnp.tanh)
        c = named('c', c)
        h = (1 - u) * state + u * c if self._keeps_new else u * state + (1 - u) * c
        return named('h', h)

    def _gates(self, h, affine):
        """Returns the update gate and the reset gate, learned or given."""
        learned = self._learned_gates
        gates: dict[str, Any] = dict(self._given)
        if learned:
            values = jnp.split(affine('gates', h, jax.nn.sigmoid), len(learned), axis=-1)
            gates.update(zip(learned, values, strict=True))
        return named_gate('u', gates['update']), named_gate('r', gates['reset'])


class GRU(Recurrent):
    """Runs a gated recurrent unit along time.

        u, r = split(sigmoid([x, h] w1 + b1))
        c    = tanh([x, r * h] w2 + b2)
        h'   = u * h + (1 - u) * c

    `Recurrent(GRUCell(...), ...)` has everything else: other conventions, lengths and masks,
    resets, learned initial states, the other direction.

    Shapes: x (b, t, d) -> (b, t, n_units); the width of the input need not be n_units.

    Args:
      n_units: the size of h.
      mode: as for every layer.
      forget_bias: added to the biases of both gates.
      kernel_initializer: makes w1 and w2; see GRUCell.
      bias_initializer: makes b1 and b2.
      return_state: whether to give the last h too, below the output.
      initial_state: see Recurrent.

    Weights: GRUWeights(w1 (d+n, 2n), b1 (2n,), w2 (d+n, n), b2 (n,)).

    State: in predict and with carry, h (b, n_units), zeros at first; see Recurrent.

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
        return_state: bool = False,
        initial_state: Any = 'zeros',
    ):
        positive(n_units, 'GRU: n_units')
        cell = GRUCell(n_units, forget_bias, kernel_initializer, bias_initializer)
        super().__init__(cell, mode, initial_state, return_state, name=f'GRU_{n_units}')


def _one_of(value, words, what):
    if value not in words:
        raise mismatch(what, f'one of {words}', repr(value))
