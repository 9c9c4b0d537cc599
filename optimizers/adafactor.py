"""Adafactor: second moments of a matrix as a row and a column."""

import jax.numpy as jnp
import optax

from .leafwise import Rate, leafwise


def Adafactor(
    learning_rate: Rate = 0.05,
    factored: bool = True,
    multiply_by_parameter_scale: bool = True,
    do_clipping: bool = True,
    do_momentum: bool = False,
    momentum_in_bfloat16: bool = False,
    beta1: float = 0.0,
    decay_rate: float = 0.8,
    clipping_threshold: float = 1.0,
    weight_decay_rate: float = 1e-5,
    weight_decay_n_steps: int = 0,
    epsilon1: float = 1e-16,
    epsilon2: float = 1e-3,
) -> optax.GradientTransformation:
    """Returns Adafactor, whose memory for a matrix is a row and a column.

        d = 1 - t^-decay_rate
        r = d r + (1 - d) mean(g^2, -1),  c = d c + (1 - d) mean(g^2, -2)
        y = g sqrt(mean(r) / (r + epsilon1)) / sqrt(c + epsilon1)
        y = y / max(1, rms(y) / clipping_threshold)
        weights = (1 - decay) weights - learning_rate max(rms(weights), epsilon2) y

    Vectors keep their whole second moment. optax has epsilon1 beside g^2, the paper too.

    Args:
      learning_rate: a number or a schedule.
      factored: False keeps whole second moments of matrices too.
      multiply_by_parameter_scale: False leaves max(rms(weights), epsilon2) out.
      do_clipping: False leaves the third line out.
      do_momentum: subtracts a mean of the steps, which takes memory.
      momentum_in_bfloat16: stores this mean in bfloat16.
      beta1: how slowly it moves.
      decay_rate: the exponent of t, which is 1 at the first step.
      clipping_threshold: the largest root mean square of y.
      weight_decay_rate: which part of the weights is subtracted at each step.
      weight_decay_n_steps: over how many steps the decay falls to 0 on a line; 0 keeps it.
      epsilon1: keeps the quotients finite.
      epsilon2: the least scale of weights.

    Source: Shazeer and Stern 2018, arXiv 1804.04235, algorithms 4 to 6.
    """

    def means(squares):
        return _means(squares, factored and squares.ndim >= 2)

    def new_slots(weights):
        slots = means(jnp.zeros(weights.shape))
        dtype = jnp.bfloat16 if momentum_in_bfloat16 else weights.dtype
        return [*slots, jnp.zeros(weights.shape, dtype)] if do_momentum else slots

    def update(moment, gradient, weights, slots):
        new = means(gradient**2)
        kept = 1 - (moment.step.astype(jnp.float32) + 1) ** -decay_rate
        second = [kept * a + (1 - kept) * b for a, b in zip(slots, new, strict=False)]
        y = gradient * _scale(second, epsilon1)
        if do_clipping:
            y = y / jnp.maximum(1.0, _rms(y) / clipping_threshold)
        y = moment.learning_rate * y
        if multiply_by_parameter_scale:
            y = y * jnp.maximum(_rms(weights), epsilon2)
        if do_momentum:
            y = beta1 * slots[-1].astype(y.dtype) + (1 - beta1) * y
            second.append(y)
        left = jnp.maximum(1 - moment.step / weight_decay_n_steps, 0.0) if falls else 1.0
        return -weight_decay_rate * left * weights - y, second

    falls = weight_decay_n_steps >= 1
    return leafwise(learning_rate, new_slots, update)


def _means(squares, factored):
    if not factored:
        return [squares]
    return [jnp.mean(squares, -1), jnp.mean(squares, -2)]


def _scale(second, epsilon):
    """What gradients are multiplied with, from their second moment: whole, or (row, column)."""
    if len(second) == 1:
        return (second[0] + epsilon) ** -0.5
    row, column = second
    row = (jnp.mean(row, -1, keepdims=True) / (row + epsilon)) ** 0.5
    return row[..., :, None] * ((column + epsilon) ** -0.5)[..., None, :]


def _rms(array):
    return jnp.sqrt(jnp.mean(jnp.square(array)))
