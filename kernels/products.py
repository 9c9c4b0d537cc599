"""Matrix products at a chosen precision."""

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

# How float32 products may be computed on hardware that can round their inputs.
_PRECISION = {'float32': 'highest', 'tf32': 'tensorfloat32'}


@functools.partial(jax.tree_util.register_dataclass, data_fields=['rows'], meta_fields=[])
@dataclasses.dataclass(frozen=True)
class Packed:
    """A matrix whose columns lie in memory one after another, for products with a single row.

    On a CPU, XLA computes such a product with all threads, and one with rows that lie one after
    another with a single thread. With more rows it is the other layout that is faster.
    """

    rows: jax.Array  # (n, k) for a matrix (k, n)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the matrix."""
        return self.rows.shape[::-1]


def pack(b: jax.Array) -> Packed:
    """Returns a matrix packed."""
    return Packed(jnp.asarray(b).T)


def unpack(b: Any) -> jax.Array:
    """Returns a matrix as an array, packed or not."""
    return b.rows.T if isinstance(b, Packed) else b


def dot(a: jax.Array, b: Any, precision: str = 'float32') -> jax.Array:
    """Returns a @ b in float32, its products computed at a precision; b may be packed.

    'float32' is true float32 also on a GPU, 'tf32' may round inputs to 10 bits of mantissa,
    'bf16' rounds inputs to bfloat16 (7 bits) and adds up in float32, in the products of the
    backward pass too.

    Shapes: a (..., k), b (k, n) -> (..., n).
    """
    if isinstance(b, Packed):
        return _dot_packed(a, b.rows, precision)
    # Flat, as XLA's products of two axes of rows are slow in the gradient, where it turns d_y.
    flat = a.reshape(-1, a.shape[-1])
    y: Any
    if precision == 'bf16':
        y = _dot_bf16(False, flat, b)
    else:
        y = jnp.matmul(flat, b, precision=_PRECISION[precision])
    return y.reshape(*a.shape[:-1], b.shape[-1])


def _dot_packed(a, rows, precision):
    if precision != 'bf16':
        return _by_columns(a, rows, _PRECISION[precision])
    a, rows = a.astype(jnp.bfloat16), rows.astype(jnp.bfloat16)
    if a.size != a.shape[-1]:
        return _by_columns(a, rows)
    return lax.platform_dependent(a, rows, cpu=_by_sums, default=_by_columns)


def _by_columns(a, rows, precision=None):
    contracted = (((a.ndim - 1,), (1,)), ((), ()))
    wide = jnp.promote_types(a.dtype, jnp.float32)
    return lax.dot_general(a, rows, contracted, precision, preferred_element_type=wide)


def _by_sums(a, rows):
    # XLA widens a kernel of bfloat16 to an array of float32 before a product with a single row.
    products = rows.astype(jnp.float32) * a.astype(jnp.float32).reshape(1, -1)
    return products.sum(-1).reshape(*a.shape[:-1], -1)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _dot_bf16(turned, a, b):
    """Returns a b; a b' if turned, without writing b' down, as XLA on a CPU is slow with it."""
    a, b = a.astype(jnp.bfloat16), b.astype(jnp.bfloat16)
    contracted = (((1,), (1 if turned else 0,)), ((), ()))
    return lax.dot_general(a, b, contracted, preferred_element_type=jnp.float32)


def _forward(turned, a, b):
    return _dot_bf16(turned, a, b), (a, b)


def _backward(turned, saved, d_y):
    # Left to jax, these two would be products of float32 by bfloat16, which run as float32.
    a, b = saved
    d_a: Any = _dot_bf16(not turned, d_y, b)
    d_b = weight_gradient(d_y, a, 'bf16') if turned else weight_gradient(a, d_y, 'bf16')
    return d_a.astype(a.dtype), d_b.astype(b.dtype)


_dot_bf16.defvjp(_forward, _backward)


def weight_gradient(a: jax.Array, d_y: jax.Array, precision: str) -> jax.Array:
    """Returns the gradient of w in y = a w: a' d_y, summed over steps and rows by one product.

    Shapes: a (..., k), d_y (..., n) -> (k, n).
    """
    a, d_y = a.reshape(-1, a.shape[-1]), d_y.reshape(-1, d_y.shape[-1])
    if precision == 'bf16' and len(a) % 2 == 0:
        return _over_rows_bf16(a, d_y)
    return dot(a.T, d_y, precision)


@jax.custom_vjp
def _over_rows_bf16(a, d_y):
    """Returns a' d_y with the rows as two axes: with one, XLA on a CPU widens both to float32."""
    a, d_y = (x.astype(jnp.bfloat16).reshape(2, -1, x.shape[-1]) for x in (a, d_y))
    contracted = (((0, 1), (0, 1)), ((), ()))
    return lax.dot_general(a, d_y, contracted, preferred_element_type=jnp.float32)


def _over_rows_forward(a, d_y):
    return _over_rows_bf16(a, d_y), (a, d_y)


def _over_rows_backward(saved, d_w):
    a, d_y = saved
    d_a: Any = _dot_bf16(True, d_y, d_w)
    d_d_y: Any = _dot_bf16(False, a, d_w)
    return d_a.astype(a.dtype), d_d_y.astype(d_y.dtype)


_over_rows_bf16.defvjp(_over_rows_forward, _over_rows_backward)


def rounded(x: jax.Array, precision: str) -> jax.Array:
    """Returns a factor of products as a precision has it: rounded to bfloat16 by 'bf16'.

    For products that are not `dot`, such as convolutions; the dtype stays.
    """
    return lax.reduce_precision(x, 8, 7) if precision == 'bf16' else x


def affine(x: jax.Array, w: Any, b: jax.Array | None, precision: str = 'float32') -> jax.Array:
    """Returns x @ w + b, or x @ w where b is None.

    Shapes: x (..., k), w (k, n), b (n,) -> (..., n).
    """
    y = dot(x, w, precision)
    if b is None:
        return y
    return y + jnp.broadcast_to(b, y.shape)  # said, so that strict rank promotion is no error
