"""Small functions of each value alone that are no activations."""

import jax
import jax.numpy as jnp

from ..combinators import Fn, PureLayer


def ToFloat() -> PureLayer:
    """Returns a layer that makes float32 of any dtype."""
    return Fn('ToFloat', lambda x: x.astype(jnp.float32))


def ThresholdToBinary(threshold: float = 0.5) -> PureLayer:
    """Returns a layer of 1 where x > threshold, else 0, as int32."""
    return Fn('ThresholdToBinary', lambda x: (x > threshold).astype(jnp.int32))


def Negate() -> PureLayer:
    """Returns a layer of -x."""
    return Fn('Negate', lambda x: -x)


def StopGradient() -> PureLayer:
    """Returns a layer that changes nothing and lets no gradient back."""
    return Fn('StopGradient', lambda x: jax.lax.stop_gradient(x), stops_gradient=True)
