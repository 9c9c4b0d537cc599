"""Activations: functions of each value alone.

A layer of one is a function that returns a `Fn`, so `Relu()` prints as `Relu`. The formulas are
those of Trax 1.4.1, trax.layers.activation_fns, but for HardSigmoid and Glu, which say why.
"""

import jax
import jax.numpy as jnp

from ..combinators import Fn, Layer, PureLayer, mismatch


def Relu() -> PureLayer:
    """Returns a layer of max(x, 0); its derivative at 0 is 0."""
    return Fn('Relu', lambda x: jnp.where(x <= 0, jnp.zeros_like(x), x))


def ParametricRelu(a: float = 1.0) -> PureLayer:
    """Returns a layer of max(a x, 0); `a` is not learned."""
    return Fn('ParametricRelu', lambda x: jnp.maximum(a * x, jnp.zeros_like(x)))


def LeakyRelu(a: float = 0.01) -> PureLayer:
    """Returns a layer of x where x >= 0, else a x."""
    return Fn('LeakyRelu', lambda x: jnp.where(x >= 0, x, a * x))


def Elu(a: float = 1.0) -> PureLayer:
    """Returns a layer of x where x > 0, else a (exp(x) - 1).

    Source: Clevert et al. 2015, arXiv 1511.07289, equation 15.
    """
    return Fn('Elu', lambda x: jax.nn.elu(x, a))


def Selu(
    alpha: float = 1.6732632423543772848170429916717,
    lmbda: float = 1.0507009873554804934193349852946,
) -> PureLayer:
    """Returns a layer of lmbda x where x > 0, else lmbda alpha (exp(x) - 1).

    Source: Klambauer et al. 2017, arXiv 1706.02515, equation 2.
    """
    return Fn('Selu', lambda x: lmbda * jax.nn.elu(x, alpha))


def Gelu() -> PureLayer:
    """Returns a layer of x P(X <= x) for a standard normal X: x / 2 (1 + erf(x / sqrt(2))).

    Source: Hendrycks and Gimpel 2016, arXiv 1606.08415, section 2.
    """
    return Fn('Gelu', lambda x: jax.nn.gelu(x, approximate=False))


def FastGelu() -> PureLayer:
    """Returns a layer near Gelu: x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))."""
    return Fn('FastGelu', lambda x: jax.nn.gelu(x, approximate=True))


def Sigmoid() -> PureLayer:
    """Returns a layer of 1 / (1 + exp(-x))."""
    return Fn('Sigmoid', lambda x: jax.nn.sigmoid(_floats(x)))


def Tanh() -> PureLayer:
    """Returns a layer of the hyperbolic tangent."""
    return Fn('Tanh', lambda x: jnp.tanh(x))


def HardSigmoid() -> PureLayer:
    """Returns a layer of min(max(x, 0), 1), as the text of Trax 1.4.1 says.

    The code of Trax 1.4.1 computes min(max(1 + x, 0), 1), against its text. Other frameworks have
    a line through (0, 1/2) here: PyTorch x / 6 + 1/2, older Keras x / 5 + 1/2.
    """
    return Fn('HardSigmoid', lambda x: jnp.clip(x, 0, 1))


def HardTanh() -> PureLayer:
    """Returns a layer of min(max(x, -1), 1)."""
    return Fn('HardTanh', lambda x: jnp.clip(x, -1, 1))


def Softplus() -> PureLayer:
    """Returns a layer of log(1 + exp(x)), stable for large x."""
    return Fn('Softplus', lambda x: jax.nn.softplus(x))


def Exp() -> PureLayer:
    """Returns a layer of exp(x)."""
    return Fn('Exp', lambda x: jnp.exp(x))


def Log() -> PureLayer:
    """Returns a layer of the natural logarithm."""
    return Fn('Log', lambda x: jnp.log(x))


def Swish() -> PureLayer:
    """Returns a layer of x sigmoid(x).

    Source: Ramachandran et al. 2017, arXiv 1710.05941, section 3; also called SiLU.
    """
    return Fn('Swish', lambda x: jax.nn.silu(_floats(x)))


def Glu() -> PureLayer:
    """Returns a layer of a sigmoid(b), where a and b are the halves of the last axis.

    Shapes: x (..., 2d) -> (..., d).

    Raises:
      ValueError: the last axis has an odd size.

    Source: Dauphin et al. 2016, arXiv 1612.08083, equation 1. Trax 1.4.1's Glu always raises.
    """

    def glu(x):
        if x.shape[-1] % 2:
            raise mismatch("the size of the input's last axis", 'an even number', x.shape[-1])
        a, b = jnp.split(_floats(x), 2, axis=-1)
        return a * jax.nn.sigmoid(b)

    return Fn('Glu', glu)


def _floats(x):
    return jnp.asarray(x, jnp.result_type(x, float))


class ThresholdedLinearUnit(Layer):
    """Computes max(x, w) for one learned number w, 0 at first.

    Weights: w ().

    Source: Singh and Krishnan 2019, arXiv 1911.09737, equation 5, which has one w per channel;
    Trax 1.4.1, trax.layers.activation_fns.ThresholdedLinearUnit, which has one in all.
    """

    def weights_fn(self, signature, context):
        return jnp.zeros((), jnp.float32)

    def apply_fn(self, x, weights, state, context):
        return jnp.maximum(x, weights.astype(jnp.result_type(x, float))), state
