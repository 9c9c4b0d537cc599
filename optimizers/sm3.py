"""SM3: second moments of an array as one vector per axis."""

import enum
import functools

import jax.numpy as jnp
import optax

from .leafwise import Rate, leafwise


class MomentumType(enum.IntEnum):
    """What SM3 does with the scaled gradient g."""

    EMA = 1  # m = momentum m + (1 - momentum) g
    HEAVY_BALL = 2  # m = momentum m + g
    NESTEROV = 3  # m = momentum m + g, and then momentum m + g is subtracted


def SM3(
    learning_rate: Rate = 0.01,
    momentum: float = 0.9,
    second_moment_averaging: float = 1.0,
    weight_decay: float = 0.0,
    momentum_type: int = MomentumType.EMA,
) -> optax.GradientTransformation:
    """Returns SM3, whose memory for an array is one vector per axis.

        v = b min over axes(v_axis) + (1 - b) g^2      (b = 1: the sum, b v + g^2)
        v_axis = max of v over the other axes
        m = momentum m + (1 - momentum) (g / sqrt(v) + weight_decay weights)
        weights -= learning_rate m

    With b < 1 the scaled gradient takes its norm from that of b = 1 (grafting).

    Args:
      learning_rate: a number or a schedule.
      momentum: of the scaled gradient; 0 for none.
      second_moment_averaging: b.
      weight_decay: how much of the weights is added to the scaled gradient.
      momentum_type: a MomentumType; EMA is shown above.

    Source: Anil et al. 2019, arXiv 1901.11150, algorithm SM3-II.
    """
    b, grafts = second_moment_averaging, second_moment_averaging != 1

    def new_slots(weights):
        nothing = jnp.zeros_like(weights)
        return nothing if momentum else (), _largest(nothing), _largest(nothing) if grafts else []

    def update(moment, gradient, weights, slots):
        velocity, second, total = slots
        v = b * _cover(second, gradient.ndim) + (1 - b if grafts else 1) * gradient**2
        scaled, second = gradient * _root(v), _largest(v)
        if grafts:
            sums = _cover(total, gradient.ndim) + gradient**2
            scaled, total = _with_norm_of(scaled, gradient * _root(sums)), _largest(sums)
        scaled = scaled + weight_decay * weights
        if momentum:
            velocity, scaled = _moved(momentum_type, momentum, velocity, scaled)
        return -moment.learning_rate * scaled, (velocity, second, total)

    return leafwise(learning_rate, new_slots, update)


def _cover(vectors, ndim):
    """Returns the least of the vectors, each spread over its own axis."""
    shapes = [[-1 if i == axis else 1 for i in range(ndim)] for axis in range(max(ndim, 1))]
    spread = [v.reshape(shape) for v, shape in zip(vectors, shapes, strict=True)]
    return functools.reduce(jnp.minimum, spread)


def _largest(v):
    """Returns for each axis the largest numbers over the others; a number is its own largest."""
    others = [tuple(i for i in range(v.ndim) if i != axis) for axis in range(v.ndim)]
    return [v.max(axes) for axes in others] or [v]


def _root(v):
    return jnp.where(v > 0, 1 / (jnp.sqrt(v) + 1e-16), 0.0)


def _with_norm_of(array, other):
    norms = jnp.sqrt(jnp.sum(array**2)), jnp.sqrt(jnp.sum(other**2))
    return array * (norms[1] / (norms[0] + 1e-16))


def _moved(kind, momentum, velocity, gradient):
    if kind == MomentumType.EMA:
        velocity = momentum * velocity + (1 - momentum) * gradient
        return velocity, velocity
    velocity = momentum * velocity + gradient
    if kind == MomentumType.NESTEROV:
        return velocity, momentum * velocity + gradient
    return velocity, velocity
