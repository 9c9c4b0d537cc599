"""MinLSTM: a long short-term memory whose gates do not read the state, as a layer and a cell."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from .checks import positive
from .initializers import GlorotUniformInitializer, Initializer, RandomNormalInitializer
from .linear_cell import LinearCell
from .min_gru import positive_part
from .named import named, named_gate
from .recurrent import Recurrent
from .recurrent_cell import Map


class MinLSTMWeights(NamedTuple):
    """Weights of a MinLSTM of n units over d features."""

    w: jax.Array  # (d, 3n): forget gate f, input gate i, candidate v
    b: jax.Array  # (3n,)


class MinLSTMCell(LinearCell):
    """Runs one step of a minimal long short-term memory.

        f, i, v = split(x w + b);  f, i = sigmoid(f), sigmoid(i)
        h'   = f / (f + i) * h + i / (f + i) * g(v)
        g(v) = v + 1/2 where v >= 0, else sigmoid(v)

    No product has the state in it, so Recurrent runs all steps at once.

    Shapes: x (..., d), h (..., n_units) -> h' (..., n_units), h' (..., n_units).

    Args:
      n_units: the size of h.
      kernel_initializer: makes w.
      bias_initializer: makes b.

    Weights: MinLSTMWeights(w (d, 3n), b (3n,)).

    Raises:
      ValueError: n_units is not a positive int; a width is another than that of the weights.

    Source: Feng et al. 2024, Were RNNs all we needed?, arXiv 2410.01201, section 3.2 and, for g,
    appendix B.
    """

    weights_type = MinLSTMWeights

    def __init__(
        self,
        n_units: int,
        kernel_initializer: Initializer = GlorotUniformInitializer(),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
    ):
        super().__init__(n_units, kernel_initializer, bias_initializer)

    def maps(self):
        return {'all': Map(3 * self._n_units, operand=0)}

    def sequence(self, x, affine, recurrence):
        f, i, v = jnp.split(affine('all'), 3, axis=-1)
        # f / (f + i) is sigmoid(log f - log i), which has no 0 / 0 where both gates are shut.
        log_ratio = jax.nn.softplus(-i) - jax.nn.softplus(-f)
        kept = named_gate('f/(f+i)', jax.nn.sigmoid(log_ratio))
        taken = named_gate('i/(f+i)', jax.nn.sigmoid(-log_ratio))
        return recurrence(kept, taken * named('c', positive_part(v)))


class MinLSTM(Recurrent):
    """Runs a minimal long short-term memory along time, all steps at once; see MinLSTMCell.

    `Recurrent(MinLSTMCell(...), ...)` has everything else: lengths and masks, resets, learned
    initial states, the other direction.

    Shapes: x (b, t, d) -> (b, t, n_units).

    Args:
      n_units: the size of h.
      mode: as for every layer.

    Weights: MinLSTMWeights(w (d, 3n), b (3n,)).

    State: in predict and with carry, h (b, n_units), zeros at first; see Recurrent.

    Raises:
      ValueError: n_units is not a positive int; x is not (batch, time, features) of floats, or of
        another width than the weights; the state is of another batch.

    Source: Feng et al. 2024, arXiv 2410.01201.
    """

    def __init__(self, n_units: int, mode: str | None = None):
        positive(n_units, 'MinLSTM: n_units')
        super().__init__(MinLSTMCell(n_units), mode, name=f'MinLSTM_{n_units}')
