"""Initializers: functions from a shape and a key to the first value of a weight.

Each function here returns an initializer `f(shape, rng) -> float32 array`.
"""

import functools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

Initializer = Callable[[tuple[int, ...], jax.Array], jax.Array]


def RandomNormalInitializer(stddev: float = 1e-2) -> Initializer:
    """Draws from a normal distribution with mean 0."""
    return lambda shape, rng: _draw(_normal, rng, shape, stddev)


def RandomUniformInitializer(lim: float = 1.0) -> Initializer:
    """Draws uniformly from -lim to lim."""
    return lambda shape, rng: _draw(_uniform, rng, shape, lim)


def ZerosInitializer() -> Initializer:
    """Gives zeros."""
    return lambda shape, rng: jnp.zeros(shape, jnp.float32)


def ScaledInitializer(
    out_dim: int = -1,
    in_dim: int = -2,
    scale: float = 1.0,
    mode: str = 'fan_avg',
    distribution: str = 'normal',
) -> Initializer:
    """Draws with variance scale / fan, where fan is fan_in, fan_out or their mean.

    A fan is the size of its axis times the receptive field, the product of all other axes.

    Args:
      out_dim: the axis of outputs.
      in_dim: the axis of inputs.
      scale: the variance is scale / fan.
      mode: 'fan_in', 'fan_out' or 'fan_avg'.
      distribution: 'normal', 'uniform' or 'truncated_normal' (at two standard deviations).

    Raises:
      ValueError: scale is not positive, or a name is unknown.

    Source: Glorot and Bengio 2010, equation 16; He et al. 2015, arXiv 1502.01852, equation 10.
    Trax 1.4.1 leaves the receptive field out, except for scalars; convolutions differ here.
    """
    if scale <= 0:
        raise ValueError(f'scale must be positive, got {scale}')
    if mode not in ('fan_in', 'fan_out', 'fan_avg'):
        raise ValueError(f"mode must be 'fan_in', 'fan_out' or 'fan_avg', got {mode!r}")
    if distribution not in ('normal', 'uniform', 'truncated_normal'):
        raise ValueError(
            f"distribution must be 'normal', 'uniform' or 'truncated_normal', got {distribution!r}"
        )

    def initialize(shape, rng):
        fan_in, fan_out = _fans(shape, in_dim, out_dim)
        fan = {'fan_in': fan_in, 'fan_out': fan_out, 'fan_avg': (fan_in + fan_out) / 2}[mode]
        variance = scale / fan
        if distribution == 'uniform':
            return _draw(_uniform, rng, shape, math.sqrt(3 * variance))
        if distribution == 'normal':
            return _draw(_normal, rng, shape, math.sqrt(variance))
        # A normal distribution cut at two standard deviations has 0.8796 of its deviation left.
        stddev = math.sqrt(variance) / 0.87962566103423978
        return _draw(_truncated_normal, rng, shape, stddev)

    return initialize


# A deep model draws hundreds of weights: a draw is one compiled program with no Python in between.
# It is drawn flat, so that all shapes of one size share the program, as an embedding and the Dense
# layer that undoes it do.


def _draw(distribution, rng, shape, scale):
    return _flat(distribution, rng, math.prod(shape), scale).reshape(shape)


@functools.partial(jax.jit, static_argnums=(0, 2))
def _flat(distribution, rng, size, scale):
    return distribution(rng, (size,), scale)


def _uniform(rng, shape, lim):
    return jax.random.uniform(rng, shape, jnp.float32, -lim, lim)


# The barrier keeps the compiler from joining the scale with factors inside the draw: a seed gives
# exactly what jax.random gives, times the scale.


def _normal(rng, shape, scale):
    return scale * jax.lax.optimization_barrier(jax.random.normal(rng, shape, jnp.float32))


def _truncated_normal(rng, shape, scale):
    draw = jax.random.truncated_normal(rng, -2, 2, shape, jnp.float32)
    return scale * jax.lax.optimization_barrier(draw)


def _fans(shape, in_dim, out_dim):
    if len(shape) == 0:
        return 1.0, 1.0
    if len(shape) == 1:
        return float(shape[0]), float(shape[0])
    field = math.prod(shape) / (shape[in_dim] * shape[out_dim])
    return shape[in_dim] * field, shape[out_dim] * field


def GlorotNormalInitializer(out_dim: int = -1, in_dim: int = -2, scale: float = 1.0) -> Initializer:
    """Draws from a normal distribution with variance scale / mean of the fans."""
    return ScaledInitializer(out_dim, in_dim, scale, 'fan_avg', 'normal')


def GlorotUniformInitializer(
    out_dim: int = -1, in_dim: int = -2, scale: float = 1.0
) -> Initializer:
    """Draws uniformly with variance scale / mean of the fans."""
    return ScaledInitializer(out_dim, in_dim, scale, 'fan_avg', 'uniform')


def LeCunNormalInitializer(out_dim: int = -1, in_dim: int = -2, scale: float = 1.0) -> Initializer:
    """Draws from a normal distribution with variance scale / fan_in."""
    return ScaledInitializer(out_dim, in_dim, scale, 'fan_in', 'normal')


def LeCunUniformInitializer(out_dim: int = -1, in_dim: int = -2, scale: float = 1.0) -> Initializer:
    """Draws uniformly with variance scale / fan_in."""
    return ScaledInitializer(out_dim, in_dim, scale, 'fan_in', 'uniform')


def KaimingNormalInitializer(
    out_dim: int = -1, in_dim: int = -2, param: float = 0.0
) -> Initializer:
    """Draws from a normal distribution with variance 2 / ((1 + param^2) fan_in).

    `param` is the slope of a leaky ReLU below 0. Trax 1.4.1 uses the gain as if it were a
    variance, 2 / sqrt(1 + param^2), which is the same only for param = 0.
    """
    return ScaledInitializer(out_dim, in_dim, 2 / (1 + param**2), 'fan_in', 'normal')


def KaimingUniformInitializer(
    out_dim: int = -1, in_dim: int = -2, param: float = 0.0
) -> Initializer:
    """Draws uniformly with variance 2 / ((1 + param^2) fan_in); see KaimingNormalInitializer."""
    return ScaledInitializer(out_dim, in_dim, 2 / (1 + param**2), 'fan_in', 'uniform')


def OrthogonalInitializer(stddev: float = 1.0) -> Initializer:
    """Gives a random matrix with orthonormal rows or columns, times stddev.

    Leading axes count as rows. For a shape with fewer than two axes the vector has length stddev.

    Source: Saxe et al. 2013, arXiv 1312.6120; Mezzadri 2007, arXiv math-ph/0609050, section 5, on
    the signs that make the distribution uniform.
    """

    def initialize(shape, rng):
        n_cols = shape[-1] if shape else 1
        n_rows = math.prod(shape[:-1])
        flat = (max(n_rows, n_cols), min(n_rows, n_cols))
        q, r = jnp.linalg.qr(jax.random.normal(rng, flat, jnp.float32))
        q = q * jnp.sign(jnp.diag(r))[None, :]
        return stddev * (q.T if n_rows < n_cols else q).reshape(shape)

    return initialize


def InitializerFromFile(path: str) -> Initializer:
    """Reads the weight from a .npy file.

    Raises:
      ValueError: the array in the file has another shape.
    """

    def initialize(shape, rng):
        array = np.load(path, allow_pickle=False)
        if array.shape != tuple(shape):
            raise ValueError(f'{path}: expected shape {tuple(shape)}, got {array.shape}')
        return jnp.asarray(array, jnp.float32)

    return initialize
