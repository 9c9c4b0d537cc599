"""trax.fastmath: jax's own functions under the names that Trax gives them."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import erf, expit, logsumexp

from . import shapes
from .trees import nested_map

grad, value_and_grad, vjp, jit, vmap, pmap, remat = (
    jax.grad,
    jax.value_and_grad,
    jax.vjp,
    jax.jit,
    jax.vmap,
    jax.pmap,
    jax.remat,
)
scan, cond, map, fori_loop = lax.scan, lax.cond, lax.map, lax.fori_loop
stop_gradient, psum, top_k, sort_key_val, lt = (
    lax.stop_gradient,
    lax.psum,
    lax.top_k,
    lax.sort_key_val,
    lax.lt,
)
dynamic_slice, dynamic_slice_in_dim = lax.dynamic_slice, lax.dynamic_slice_in_dim
dynamic_update_slice = lax.dynamic_update_slice
dynamic_update_slice_in_dim = lax.dynamic_update_slice_in_dim
sigmoid = expit
global_device_count, local_device_count = jax.device_count, jax.local_device_count


def index_update(x: Any, index: Any, y: Any) -> jax.Array:
    """Returns x with x[index] = y."""
    return jnp.asarray(x).at[index].set(y)


def index_add(x: Any, index: Any, y: Any) -> jax.Array:
    """Returns x with y added at index."""
    return jnp.asarray(x).at[index].add(y)


def index_min(x: Any, index: Any, y: Any) -> jax.Array:
    """Returns x with the smaller of x[index] and y at index."""
    return jnp.asarray(x).at[index].min(y)


def index_max(x: Any, index: Any, y: Any) -> jax.Array:
    """Returns x with the larger of x[index] and y at index."""
    return jnp.asarray(x).at[index].max(y)


def conv(
    x: Any,
    kernel: Any,
    strides: Any,
    padding: str,
    dimension_numbers: Any,
    dilation: Any = None,
) -> jax.Array:
    """Returns the convolution of x with a kernel, axes as `dimension_numbers` say."""
    return lax.conv_general_dilated(
        x, kernel, strides, padding, rhs_dilation=dilation, dimension_numbers=dimension_numbers
    )


def custom_grad(f_vjp: Callable[..., Any], f: Callable[..., Any]) -> Callable[..., Any]:
    """Returns f with the gradient of `f_vjp`, which gives f's value and its backward function."""
    return jax.custom_gradient(f_vjp)


def custom_vjp(
    f: Callable[..., Any],
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    nondiff_argnums: Any = (),
) -> Callable[..., Any]:
    """Returns f with its own backward pass, backward(residuals, gradient).

    As in Trax, `nondiff_argnums` changes nothing: `backward` gives a gradient for each argument.
    """
    wrapped = jax.custom_vjp(f)
    wrapped.defvjp(forward, backward)
    return wrapped


def abstract_eval(f: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the function from signatures to the signature of f's result; f is only traced."""

    def on_signatures(*args, **kwargs):
        return shapes.signature(jax.eval_shape(f, *nested_map(_as_struct, args), **kwargs))

    return on_signatures


def _as_struct(x):
    return jax.ShapeDtypeStruct(x.shape, x.dtype) if hasattr(x, 'shape') else x


def dataset_as_numpy(dataset: Any, batch_size: int | None = None) -> Iterator[Any]:
    """Yields the examples of a data set as NumPy arrays; `batch_size` was for speed alone."""
    yield from dataset.as_numpy_iterator()


__all__ = [
    'abstract_eval',
    'cond',
    'conv',
    'custom_grad',
    'custom_vjp',
    'dataset_as_numpy',
    'dynamic_slice',
    'dynamic_slice_in_dim',
    'dynamic_update_slice',
    'dynamic_update_slice_in_dim',
    'erf',
    'expit',
    'fori_loop',
    'global_device_count',
    'grad',
    'index_add',
    'index_max',
    'index_min',
    'index_update',
    'jit',
    'local_device_count',
    'logsumexp',
    'lt',
    'map',
    'pmap',
    'psum',
    'remat',
    'scan',
    'sigmoid',
    'sort_key_val',
    'stop_gradient',
    'top_k',
    'value_and_grad',
    'vjp',
    'vmap',
]
