"""PeepholeLSTMCell: a long short-term memory whose gates see the cell itself."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .lstm import LSTMCell
from .named import named, named_gate


class PeepholeLSTMWeights(NamedTuple):
    """Weights of a peephole LSTM of n units over d features; see LSTMWeights for w and b."""

    w: jax.Array  # (d + n, 4n)
    b: jax.Array  # (4n,)
    p: jax.Array  # (3, n): what the cell is multiplied by for i, f and o


class PeepholeLSTMCell(LSTMCell):
    """Runs one step of a long short-term memory with peepholes.

        i, j, f, o = split([x, h] w + b)
        c' = c * sigmoid(f + p_f c) + sigmoid(i + p_i c) * tanh(j)
        h' = tanh(c') * sigmoid(o + p_o c')

    All else is as in LSTMCell: shapes, state, arguments. bias_initializer makes p too.

    Weights: PeepholeLSTMWeights(w (d+n, 4n), b (4n,), p (3, n)).

    Source: Gers and Schmidhuber 2000, Recurrent Nets that Time and Count; ONNX's LSTM with P.
    """

    weights_type = PeepholeLSTMWeights

    def new_params(self, d, context):
        return {'p': self._bias_initializer((3, self._n_units), context.key('p'))}

    def step(self, state, affine, *params):
        c, h = state
        p_i, p_f, p_o = (jnp.broadcast_to(row, c.shape) for row in params[0])
        i, j, f, o = jnp.split(affine('gates', h), 4, axis=-1)
        i = named_gate('i', jax.nn.sigmoid(i + p_i * c))
        f = named_gate('f', jax.nn.sigmoid(f + p_f * c))
        c = named('c', c * f + i * named('j', jnp.tanh(j)))
        o = named_gate('o', jax.nn.sigmoid(o + p_o * c))
        return c, named('h', jnp.tanh(c) * o)
