"""Matrix products at a chosen precision."""

import jax
import jax.numpy as jnp

# How float32 products may be computed on hardware that can round their inputs.
_PRECISION = {'float32': 'highest', 'tf32': 'tensorfloat32'}


def dot(a: jax.Array, b: jax.Array, precision: str = 'float32') -> jax.Array:
    """Returns a @ b in float32, its products computed at a precision.

    'float32' is true float32 also on a GPU, 'tf32' may round inputs to 10 bits of mantissa,
    'bf16' rounds inputs to bfloat16 (7 bits) and adds up in float32, in the products of the
    backward pass too.

    Shapes: a (..., k), b (k, n) -> (..., n).
    """
    if precision == 'bf16':
        return _dot_bf16(a, b)
    return jnp.matmul(a, b, precision=_PRECISION[precision])


@jax.custom_vjp
def _dot_bf16(a, b):
    a, b = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)
    return jnp.matmul(a, b, preferred_element_type=jnp.float32)


def _forward(a, b):
    return _dot_bf16(a, b), (a, b)


def _backward(saved, d_y):
    # Left to jax, these two would be products of float32 by bfloat16, which run as float32.
    a, b = saved
    d_a = _dot_bf16(d_y, b.T)
    d_b = weight_gradient(a, d_y, 'bf16')
    return d_a.astype(a.dtype), d_b.astype(b.dtype)


_dot_bf16.defvjp(_forward, _backward)


def weight_gradient(a: jax.Array, d_y: jax.Array, precision: str) -> jax.Array:
    """Returns the gradient of w in y = a w: a' d_y, summed over steps and rows by one product.

    Shapes: a (..., k), d_y (..., n) -> (k, n).
    """
    return dot(a.reshape(-1, a.shape[-1]).T, d_y.reshape(-1, d_y.shape[-1]), precision)


def affine(x: jax.Array, w: jax.Array, b: jax.Array, precision: str = 'float32') -> jax.Array:
    """Returns x @ w + b.

    Shapes: x (..., k), w (k, n), b (n,) -> (..., n).
    """
    y = dot(x, w, precision)
    return y + jnp.broadcast_to(b, y.shape)  # said, so that strict rank promotion is no error
