"""LayerNormalized: a cell whose maps are normalised, gate by gate."""

from typing import Any

import jax
import jax.numpy as jnp

from ..combinators import mismatch
from ..kernels import identity
from .linear_cell import LinearCell
from .recurrent_cell import RecurrentCell


class LayerNormalized(RecurrentCell):
    """Runs one step of a cell with each gate normalised before its activation.

        a -> gain * (a - mean(a)) / sqrt(var(a) + epsilon) + bias

    where a is what an affine map of [x, h] gives to one gate. `LayerNormalized(LSTMCell(8))` is a
    cell as others are, for Recurrent and Scan.

    Shapes: those of the cell.

    Args:
      cell: the cell; its initialisers make the kernels.
      epsilon: keeps the root away from 0.

    Weights: a NamedTuple with the cell's kernels, its `params`, and then a gain and a bias for each
    map. The cell's own biases are not there: what they add to all of a gate, such as forget_bias,
    would be normalised away; it is in the new biases.

    Raises:
      ValueError: the cell is none, or a LinearCell, which has no step; else what the cell raises.

    Source: Ba et al. 2016, arXiv 1607.06450, section 3.1, with each gate normalised by itself. The
    paper's LSTM also normalises the parts of x and of h apart, and c.
    """

    def __init__(self, cell: RecurrentCell, epsilon: float = 1e-6):
        if not isinstance(cell, RecurrentCell) or isinstance(cell, LinearCell):
            expected = 'a RecurrentCell with a step, such as LSTMCell(8)'
            raise mismatch('LayerNormalized: the cell', expected, repr(cell))
        super().__init__(
            cell.n_units,
            cell._kernel_initializer,
            cell._bias_initializer,
            cell._recurrent_initializer,
            f'LayerNormalized[{cell._name}]',
        )
        self._inner, self._epsilon = cell, epsilon

    @property
    def state_widths(self) -> tuple[int, ...]:
        """The size of each array of the state."""
        return self._inner.state_widths

    def output(self, state: Any) -> Any:
        """Returns the output that belongs to a state."""
        return self._inner.output(state)

    def maps(self):
        return {k: m._replace(bias=False, shift=0.0) for k, m in self._inner.maps().items()}

    def new_params(self, d, context):
        params = self._inner.new_params(d, context)
        for name, m in self._inner.maps().items():
            params[f'{name}_gain'] = jnp.ones((m.width,), jnp.float32)
            params[f'{name}_bias'] = jnp.full((m.width,), m.shift, jnp.float32)
        return params

    def step(self, state, affine, *params):
        names = list(self.maps())
        split = len(params) - 2 * len(names)
        gains = dict(zip(names, params[split::2], strict=True))
        biases = dict(zip(names, params[split + 1 :: 2], strict=True))

        def normalised(name, operand=None, activation=identity):
            a = self._normalised(affine(name, operand))
            return activation(a * gains[name][None] + biases[name][None])

        return self._inner.step(state, normalised, *params[:split])

    def _normalised(self, a):
        """Returns a (b, k) with mean 0 and variance 1 in each gate."""
        k, n = a.shape[-1], self._n_units
        gates = a.reshape(a.shape[0], k // n if k % n == 0 else 1, -1)
        gates = gates - jnp.mean(gates, axis=-1, keepdims=True)
        variance = jnp.mean(jnp.square(gates), axis=-1, keepdims=True)
        return (gates * jax.lax.rsqrt(variance + self._epsilon)).reshape(a.shape)
