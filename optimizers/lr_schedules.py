"""Learning rates as functions of the step, under Trax's names.

Steps count from 1, as in Trax: at step 0, where optax begins to count, all of these are 0. A step
that is a number gives a float; one that is a jax array gives one, also while tracing.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

Schedule = Callable[[Any], Any]


def constant(value: float) -> Schedule:
    """Returns a rate that is the same at all steps from 1 on.

    >>> constant(0.3)(1)
    0.3
    """
    return body_and_tail(value, body_start=1)


def warmup(n_warmup_steps: int, max_value: float) -> Schedule:
    """Returns a rate on the line from (0, 0) to (n_warmup_steps + 1, max_value), then constant.

    >>> [round(warmup(9, 1.0)(step), 1) for step in (1, 5, 9, 10, 50)]
    [0.1, 0.5, 0.9, 1.0, 1.0]
    """
    return body_and_tail(max_value, body_start=n_warmup_steps + 1)


def warmup_and_rsqrt_decay(n_warmup_steps: int, max_value: float) -> Schedule:
    """Returns `warmup`, followed by max_value sqrt((n_warmup_steps + 1) / step).

    >>> [round(warmup_and_rsqrt_decay(24, 1.0)(step), 2) for step in (1, 24, 25, 100)]
    [0.04, 0.96, 1.0, 0.5]
    """
    return body_and_tail(max_value, tail_start=n_warmup_steps + 1, tail_fn=rsqrt)


def multifactor(
    factors: str = 'constant * linear_warmup * rsqrt_decay',
    constant: float = 0.1,
    warmup_steps: int = 400,
    decay_factor: float = 0.5,
    steps_per_decay: int = 20000,
    steps_per_cycle: int = 100000,
    second_constant: float = 0.01,
    second_constant_step: int = 10000,
    minimum: float = 0,
) -> Schedule:
    """Returns a product of factors, and `minimum` where it is below that.

        constant                `constant`
        two_constants           `constant`; `second_constant` from `second_constant_step` on
        linear_warmup           min(1, step / warmup_steps)
        rsqrt_decay             1 / sqrt(max(step, warmup_steps))
        rsqrt_normalized_decay  sqrt(warmup_steps) / sqrt(max(step, warmup_steps))
        decay_every             decay_factor^(step // steps_per_decay)
        cosine_decay            (1 + cos(pi p)) / 2, where p is the part of a cycle of
                                `steps_per_cycle` steps that has passed since the warm-up

    Raises:
      ValueError: an unknown factor.
    """
    named: dict[str, Callable[[Any, Any], Any]] = {
        'constant': lambda xp, step: constant,
        'two_constants': lambda xp, step: xp.where(
            step < second_constant_step, constant, second_constant
        ),
        'linear_warmup': lambda xp, step: xp.minimum(1.0, step / warmup_steps),
        'rsqrt_decay': lambda xp, step: xp.maximum(step, warmup_steps) ** -0.5,
        'rsqrt_normalized_decay': lambda xp, step: (
            (xp.maximum(step, warmup_steps) / warmup_steps) ** -0.5
        ),
        'decay_every': lambda xp, step: decay_factor ** (step // steps_per_decay),
        'cosine_decay': lambda xp, step: _half_cosine(
            xp, xp.maximum(0.0, (step - warmup_steps) / steps_per_cycle)
        ),
    }
    names = [name.strip() for name in factors.split('*')]
    if unknown := [name for name in names if name not in named]:
        raise ValueError(f'multifactor: unknown factors {unknown}; there are {", ".join(named)}')

    def rate(xp, step):
        return xp.maximum(math.prod(named[name](xp, step) for name in names), minimum)

    return _schedule(rate)


def body_and_tail(
    body_value: float,
    body_start: int | None = None,
    tail_start: int | None = None,
    tail_fn: Callable[[Any, Any, int, float], Any] | None = None,
) -> Schedule:
    """Returns a line from (0, 0) to (body_start, body_value), a constant body, and a tail.

    Args:
      body_value: of the body.
      body_start: its first step; that of the tail by default, so that there is no body.
      tail_start: the first step of the tail; None for no tail.
      tail_fn: takes (numpy or jax.numpy, step, tail_start, body_value), such as `rsqrt`.

    Raises:
      ValueError: neither start is given, or a start of a tail without the tail.
    """
    start = tail_start if body_start is None else body_start
    if start is None:
        raise ValueError('body_and_tail needs body_start, or tail_start, or both')
    if tail_start is not None and tail_fn is None:
        raise ValueError(f'body_and_tail got tail_start={tail_start} and no tail_fn')

    def rate(xp, step):
        value = body_value
        if tail_fn is not None and tail_start is not None:
            tail = tail_fn(xp, xp.maximum(step, tail_start), tail_start, body_value)
            value = xp.where(step < tail_start, body_value, tail)
        return xp.where(step < start, step / max(start, 1) * body_value, value)

    return _schedule(rate)


def rsqrt(xp: Any, step: Any, tail_start: int, body_value: float) -> Any:
    """A tail that falls as the reciprocal square root of the step."""
    return body_value * xp.sqrt(tail_start / step)


def cosine_sawtooth(steps_per_cycle: int, min_value: float = 1e-5) -> Callable[..., Any]:
    """Returns a tail that falls along half a cosine to `min_value`, again and again.

    Source: Loshchilov and Hutter 2016, arXiv 1608.03983, equation 5.
    """

    def tail(xp, step, tail_start, body_value):
        cosine = _half_cosine(xp, (step - tail_start) / steps_per_cycle)
        return min_value + (body_value - min_value) * cosine

    return tail


def _half_cosine(xp, cycles):
    return (1 + xp.cos(math.pi * (cycles % 1.0))) / 2


def _schedule(rate):
    def schedule(step: Any) -> Any:
        return rate(jnp, step) if isinstance(step, jax.Array) else float(rate(np, step))

    return schedule
