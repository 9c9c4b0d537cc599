"""RGLRU: the real-gated linear recurrent unit of Griffin, as a layer and as a cell."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .checks import positive
from .initializers import Initializer, LeCunNormalInitializer, RandomNormalInitializer
from .linear_cell import LinearCell, of_width
from .named import named_gate
from .recurrent import Recurrent
from .recurrent_cell import Map

_TINY = np.finfo(np.float32).tiny


class RGLRUWeights(NamedTuple):
    """Weights of an RGLRU of n units, which takes n features."""

    w: jax.Array  # (n, 2n): recurrence gate r, input gate i
    b: jax.Array  # (2n,)
    decay: jax.Array  # (n,): a = sigmoid(decay)


class RGLRUCell(LinearCell):
    """Runs one step of a real-gated linear recurrent unit.

        r, i = split(sigmoid(x w + b))
        a    = sigmoid(decay)^(8 r)
        h'   = a * h + sqrt(1 - a^2) * (i * x)

    a is computed as exp(-8 r softplus(-decay)), and 1 - a^2 without taking close numbers from each
    other. No product has the state in it, so Recurrent runs all steps at once.

    Shapes: x (..., n_units), h (..., n_units) -> h' (..., n_units), h' (..., n_units).

    Args:
      n_units: the size of h and of the input.
      kernel_initializer: makes w.
      bias_initializer: makes b.

    Weights: RGLRUWeights(w (n, 2n), b (2n,), decay (n,)); at first sigmoid(decay)^8 lies between
    0.9 and 0.999.

    Raises:
      ValueError: n_units is not a positive int; x is of another width.

    Source: De et al. 2024, Griffin, arXiv 2402.19427, equations 1 to 4 and appendix A; its gates'
    matrices are whole here, where its code has blocks, and the first step is a step as others.
    """

    weights_type = RGLRUWeights

    def __init__(
        self,
        n_units: int,
        kernel_initializer: Initializer = LeCunNormalInitializer(),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
    ):
        super().__init__(n_units, kernel_initializer, bias_initializer)

    def maps(self):
        return {'gates': Map(2 * self._n_units, operand=0)}

    def new_params(self, d, context):
        of_width(d, self._n_units, 'RGLRU')
        a8 = jax.random.uniform(
            context.key('decay'), (self._n_units,), jnp.float32, minval=0.9, maxval=0.999
        )
        log_a = jnp.log(a8) / 8
        return {'decay': log_a - jnp.log(-jnp.expm1(log_a))}  # the inverse of sigmoid

    def sequence(self, x, affine, recurrence, *params):
        (decay,) = params
        r, i = jnp.split(affine('gates', jax.nn.sigmoid), 2, axis=-1)
        r, i = named_gate('r', r), named_gate('i', i)
        log_a = -8 * r * jax.nn.softplus(-decay)[None, None]
        # Where a is 1, the root's derivative would be infinite.
        scale = jnp.sqrt(jnp.maximum(-jnp.expm1(2 * log_a), _TINY))
        return recurrence(jnp.exp(log_a), scale * (i * x))


class RGLRU(Recurrent):
    """Runs a real-gated linear recurrent unit along time, all steps at once; see RGLRUCell.

    `Recurrent(RGLRUCell(...), ...)` has everything else: lengths and masks, resets, learned
    initial states, the other direction.

    Shapes: x (b, t, n_units) -> (b, t, n_units).

    Args:
      n_units: the size of h and of the input.
      mode: as for every layer.

    Weights: RGLRUWeights(w (n, 2n), b (2n,), decay (n,)).

    State: in predict and with carry, h (b, n_units), zeros at first; see Recurrent.

    Raises:
      ValueError: n_units is not a positive int; x is not (batch, time, n_units) of floats; the
        state is of another batch.

    Source: De et al. 2024, Griffin, arXiv 2402.19427, equations 1 to 4.
    """

    def __init__(self, n_units: int, mode: str | None = None):
        positive(n_units, 'RGLRU: n_units')
        super().__init__(RGLRUCell(n_units), mode, name=f'RGLRU_{n_units}')
