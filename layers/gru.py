"""GRU: the gated recurrent unit, as a layer over time and as a cell for one step."""

from typing import Any

import jax.numpy as jnp

from ..combinators import Layer, mismatch
from ..kernels import GRUWeights, gru, gru_step
from .checks import positive, same_batch
from .initializers import Initializer, RandomNormalInitializer, RandomUniformInitializer


class _Recurrence(Layer):
    """What GRU and GRUCell have in common: their arguments and their weights."""

    def __init__(self, n_units, forget_bias, kernel_initializer, bias_initializer, **fields: Any):
        super().__init__(**fields)
        self._n_units = positive(n_units, f'{type(self).__name__}: n_units')
        self._forget_bias = forget_bias
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer

    def _new_weights(self, d, context):
        n = self._n_units
        return GRUWeights(
            self._kernel_initializer((d + n, 2 * n), context.key('w1')),
            self._bias_initializer((2 * n,), context.key('b1')) + self._forget_bias,
            self._kernel_initializer((d + n, n), context.key('w2')),
            self._bias_initializer((n,), context.key('b2')),
        )


class GRU(_Recurrence):
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

    has_memory = True

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
            forget_bias,
            kernel_initializer,
            bias_initializer,
            name=f'GRU_{n_units}',
            mode=mode,
        )

    def weights_fn(self, signature, context):
        _check_sequence(signature)
        return self._new_weights(signature.shape[-1], context)

    def state_fn(self, signature, context):
        _check_sequence(signature)
        if not context.steps:
            return ()
        return self._zeros(signature)

    def apply_fn(self, x, weights, state, context):
        _check_sequence(x)
        _check_width(x, weights, self._n_units)
        if context.steps:
            same_batch(state, x)
            h = state
        else:
            h = self._zeros(x)
        y, h = gru(x, h, GRUWeights(*weights), context.precision)
        return y, h if context.steps else state

    def _zeros(self, x):
        # Never narrower than float32, whatever the inputs are: rounding would add up along time.
        dtype = jnp.promote_types(x.dtype, jnp.float32)
        return jnp.zeros((x.shape[0], self._n_units), dtype)


class GRUCell(_Recurrence):
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
            n_units, forget_bias, kernel_initializer, bias_initializer, n_in=2, n_out=2
        )

    def weights_fn(self, signature, context):
        x, h = signature
        if h.shape[-1] != self._n_units:
            raise mismatch('the last axis of the state', self._n_units, h.shape[-1])
        return self._new_weights(x.shape[-1], context)

    def apply_fn(self, x, weights, state, context):
        x, h = x
        _check_width(x, weights, self._n_units)
        h = gru_step(x, h, GRUWeights(*weights), context.precision)
        return (h, h), state


def _check_sequence(x):
    if len(x.shape) != 3 or not jnp.issubdtype(x.dtype, jnp.floating):
        fix = 'Add the batch axis: x[None].' if len(x.shape) == 2 else ''
        if not jnp.issubdtype(x.dtype, jnp.floating):
            fix = 'Put an Embedding before it, or ToFloat.'
        got = f'{x.dtype}[{",".join(map(str, x.shape))}]'
        raise mismatch('the input', 'floats of shape (batch, time, features)', got, fix)


def _check_width(x, weights, n_units):
    expected = weights[0].shape[0] - n_units
    if x.shape[-1] != expected:
        raise mismatch(
            "the width of the input's last axis",
            expected,
            x.shape[-1],
            'The layer was initialised for another width.',
        )
