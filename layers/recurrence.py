"""What recurrent layers share: a layer along time and a cell for one step.

A kind of recurrence (GRU, LSTM) makes its weights and names its two kernels; modes, states and
checks are here. `Kind`, `AlongTime` and `OneStep` are put together by inheritance:

    class _GRU(Kind):                weights and kernels
    class GRU(_GRU, AlongTime)       over a sequence
    class GRUCell(_GRU, OneStep)     for one step
"""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp

from ..combinators import Layer, mismatch
from .checks import positive, same_batch, same_width
from .initializers import Initializer


class Kind(Layer):
    """A kind of recurrence: its weights and its kernels.

    Attributes:
      _kernel: (x, state, weights, precision) -> (the outputs of all steps, last state).
      _kernel_step: one step of it: (x, state, weights, precision) -> state.
      _state_multiplier: the width of the state in units; its last n_units are the output.
    """

    _kernel: ClassVar[Callable[..., Any]]
    _kernel_step: ClassVar[Callable[..., Any]]
    _state_multiplier = 1

    def __init__(
        self,
        n_units: int,
        forget_bias: float,
        kernel_initializer: Initializer,
        bias_initializer: Initializer,
        **fields: Any,
    ):
        super().__init__(**fields)
        self._n_units = positive(n_units, f'{type(self).__name__}: n_units')
        self._forget_bias = forget_bias
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer

    @abc.abstractmethod
    def _new_weights(self, d: int, context: Any) -> Any:
        """Returns weights for inputs of width d; the first has a row for each of [x, h]."""

    @property
    def _state_size(self):
        return self._state_multiplier * self._n_units

    def _check_width(self, x, weights):
        same_width(x, weights[0].shape[0] - self._n_units)

    def _check_state_size(self, state):
        if state.shape[-1] != self._state_size:
            raise mismatch('the last axis of the state', self._state_size, state.shape[-1])


class AlongTime(Kind):
    """Runs a recurrence along axis 1.

    In predict and with carry it keeps its state. Where it takes its first state from the stack,
    it does so at the first call only, and keeps (state, started).

    Args:
      n_units, mode: as the kind's public layer has them.
      takes_state: whether the first state is on the stack, below x; else it is zeros.
      gives_state: whether the last state goes on the stack, below the outputs.
      fields: what Kind takes.
    """

    has_memory = True

    def __init__(
        self,
        n_units: int,
        mode: str | None,
        takes_state: bool = False,
        gives_state: bool = False,
        **fields: Any,
    ):
        name = f'{type(self).__name__}_{n_units}'
        n_in, n_out = 1 + takes_state, 1 + gives_state
        super().__init__(n_units, name=name, n_in=n_in, n_out=n_out, mode=mode, **fields)
        self._takes_state, self._gives_state = takes_state, gives_state

    def weights_fn(self, signature, context):
        x = self._checked(signature)[0]
        return self._new_weights(x.shape[-1], context)

    def state_fn(self, signature, context):
        inputs = self._checked(signature)
        if not context.steps:
            return ()
        zeros = self._zeros(inputs)
        return (zeros, jnp.zeros((), bool)) if self._takes_state else zeros

    def apply_fn(self, x, weights, state, context):
        x, *given = inputs = self._checked(x)
        self._check_width(x, weights)
        start = self._zeros(inputs)
        if given:
            start = given[0].astype(start.dtype)
        if context.steps:
            start = self._continued(state, start)
        y, last = self._kernel(x, start, weights, context.precision)
        if context.steps:
            state = (last, jnp.ones((), bool)) if self._takes_state else last
        return (y, last) if self._gives_state else y, state

    def _checked(self, inputs) -> tuple[Any, ...]:
        """Returns (x,), or (x, first state) where that is taken from the stack."""
        inputs = inputs if self._takes_state else (inputs,)
        check_sequence(inputs[0])
        for state in inputs[1:]:
            expected = (inputs[0].shape[0], self._state_size)
            if tuple(state.shape) != expected:
                raise mismatch('the shape of the first state', expected, tuple(state.shape))
        return inputs

    def _zeros(self, inputs):
        # Never narrower than float32, whatever the inputs are: rounding would add up along time.
        dtype = jnp.result_type(jnp.float32, *(a.dtype for a in inputs))
        return jnp.zeros((inputs[0].shape[0], self._state_size), dtype)

    def _continued(self, state, start):
        """Returns the state to go on from: the kept one, if there was a call before."""
        if not self._takes_state:
            same_batch(state, start)
            return state
        kept, started = state
        same_batch(kept, start)
        return jnp.where(started, kept, start)


class OneStep(Kind):
    """Runs one step of a recurrence: (x, state) -> (y, state); Scan makes a layer of it."""

    def __init__(self, n_units: int, **fields: Any):
        super().__init__(n_units, n_in=2, n_out=2, **fields)

    def weights_fn(self, signature, context):
        x, state = signature
        self._check_state_size(state)
        return self._new_weights(x.shape[-1], context)

    def apply_fn(self, x, weights, state, context):
        x, before = x
        self._check_width(x, weights)
        self._check_state_size(before)
        after = self._kernel_step(x, before, weights, context.precision)
        return (after[..., -self._n_units :], after), state


def check_sequence(x: Any) -> None:
    """Raises ValueError unless x is (batch, time, features) of floats."""
    if len(x.shape) != 3 or not jnp.issubdtype(x.dtype, jnp.floating):
        fix = 'Add the batch axis: x[None].' if len(x.shape) == 2 else ''
        if not jnp.issubdtype(x.dtype, jnp.floating):
            fix = 'Put an Embedding before it, or ToFloat.'
        got = f'{x.dtype}[{",".join(map(str, x.shape))}]'
        raise mismatch('the input', 'floats of shape (batch, time, features)', got, fix)
