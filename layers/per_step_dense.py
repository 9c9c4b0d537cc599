"""PerStepDense: an affine map of its own for each step of a sequence."""

import jax
import jax.numpy as jnp

from ..combinators import Layer, in_range, mismatch
from ..kernels import rounded
from .checks import positive, same_batch, same_width
from .dense import DenseWeights
from .initializers import GlorotUniformInitializer, Initializer, RandomNormalInitializer
from .recurrent import check_sequence


class PerStepDense(Layer):
    """Maps the features of each step with weights of that step: y_t = x_t w_t + b_t.

    Dense along time, without sharing: 4 features to 8 units over 10 steps are 400 weights.

    Shapes: x (b, t, d) -> (b, t, n_units), t at most n_steps.

    Args:
      n_units: the size of the output's last axis.
      n_steps: how many steps have weights; as many as the signature has, by default.
      kernel_initializer: makes w; its fans are those of one step.
      bias_initializer: makes b.
      mode: as for every layer.

    Weights: DenseWeights(w (n_steps, d, n_units), b (n_steps, n_units)).

    State: in predict and with carry, how many steps there were in each row, (b,) int32.

    Raises:
      ValueError: a size is not a positive int; there is no n_steps, and the steps of the signature
        are no number; x is not (batch, time, features) of floats, or of another width than w; there
        are more steps than weights, where that can be seen: in one call, and in calls of
        `model(x)`. In code that the user compiles, outputs beyond the last step are NaN.

    Source: LocallyConnected1D of Keras with windows of one step; TimeDistributed shares.
    """

    has_memory = True

    def __init__(
        self,
        n_units: int,
        n_steps: int | None = None,
        kernel_initializer: Initializer = GlorotUniformInitializer(),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
        mode: str | None = None,
    ):
        super().__init__(name=f'PerStepDense_{n_units}', mode=mode)
        self._n_units = positive(n_units, 'PerStepDense: n_units')
        if n_steps is not None:
            positive(n_steps, 'PerStepDense: n_steps')
        self._n_steps = n_steps
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer

    def weights_fn(self, signature, context):
        check_sequence(signature)
        n, d = self._n_steps or signature.shape[1], signature.shape[2]
        if not isinstance(n, int):
            fix = 'Each step has weights of its own: write PerStepDense(n_units, n_steps).'
            raise mismatch('the number of steps', 'a number', repr(str(n)), fix)
        keys = jax.random.split(context.key('w'), n)
        w = jnp.stack([self._kernel_initializer((d, self._n_units), key) for key in keys])
        return DenseWeights(w, self._bias_initializer((n, self._n_units), context.key('b')))

    def state_fn(self, signature, context):
        return jnp.zeros(signature.shape[0], jnp.int32) if context.steps else ()

    def apply_fn(self, x, weights, state, context):
        check_sequence(x)
        w, b = weights
        same_width(x, w.shape[1])
        t = x.shape[1]
        if isinstance(t, int) and t > len(w):
            raise mismatch('the number of steps', f'at most {len(w)}, which have weights', t)
        at = jnp.arange(t)
        if context.steps:
            same_batch(state, x)
            if isinstance(t, int):
                fix = f'With these {t} there are more steps than the {len(w)} that have weights.'
                in_range(state, 0, len(w) - t, 'the number of steps so far', fix)
            at, state = state[:, None] + at, state + t
        w, b = (jnp.take(a, at, axis=0, mode='fill', fill_value=jnp.nan) for a in (w, b))
        x, w = rounded(x, context.precision), rounded(w, context.precision)
        return jnp.einsum('...td,...tdn->...tn', x, w) + b, state
