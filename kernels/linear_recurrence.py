"""The recurrence that is linear in its state, h_t = a_t * h_(t-1) + b_t, element by element.

Where a and b do not depend on h, all steps are known before the first one, and steps can be put
together in any grouping: (a, b) and then (a', b') is (a a', a' b + b'). So it is parallel in time.

Its backward pass is the same recurrence in the other direction, so it needs a and h only:

    dh_t = g_t + a_(t+1) dh_(t+1),   da_t = dh_t h_(t-1),   db_t = dh_t
"""

import functools
from typing import Any, Literal

import jax
import jax.numpy as jnp

from .forward_mode import reverse_mode_only
from .implementation import Implementation, resolved

Order = Literal['auto', 'loop', 'tree']


@reverse_mode_only
@functools.partial(jax.jit, static_argnames=('reverse', 'implementation', 'order'))
def linear_recurrence(
    a: jax.Array,
    b: jax.Array,
    start: jax.Array,
    *,
    reverse: bool = False,
    implementation: Implementation = 'auto',
    order: Order = 'auto',
) -> jax.Array:
    """Returns h_t = a_t * h_(t-1) + b_t for all steps, from h_0 = start.

    Shapes: a and b (rows, t, n), start (rows, n) -> (rows, t, n).

    Args:
      a: what the state is multiplied by.
      b: what is added to it.
      start: the state before the first step.
      reverse: whether to go from the last step to the first.
      implementation: 'reference' is a loop over the steps that jax differentiates; 'xla' has its
        own backward pass, which forward mode cannot differentiate; see `implementation.resolved`.
      order: of the steps in 'xla': 'loop' is one after the other; 'tree' takes about log2(t) rounds
        over all of them; 'auto' is 'loop' on a CPU, and where the number of steps is a name, which
        cannot be halved, else 'tree'.
    """
    if resolved(implementation) == 'reference':
        return _loop(reverse, a, b, start)
    if order == 'auto':
        in_order = jax.default_backend() == 'cpu' or not isinstance(a.shape[1], int)
        order = 'loop' if in_order else 'tree'
    return _states(order, reverse, a, b, start)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _states(order, reverse, a, b, start):
    run = _loop if order == 'loop' else _tree
    return run(reverse, a, b, start)


def _loop(reverse, a, b, start):
    def body(h, now):
        a, b = now
        h = a * h + b
        return h, h

    steps = jnp.swapaxes(a, 0, 1), jnp.swapaxes(b, 0, 1)
    _, states = jax.lax.scan(body, start, steps, reverse=reverse)
    return jnp.swapaxes(states, 0, 1)


def _tree(reverse, a, b, start):
    first = _first(reverse)
    b = b.at[:, first].add(a[:, first] * start)
    return jax.lax.associative_scan(_both, (a, b), reverse=reverse, axis=1)[1]


def _both(one, then):
    """Returns the two steps as one."""
    return one[0] * then[0], then[0] * one[1] + then[1]


def _forward(order, reverse, a, b, start):
    states = _states(order, reverse, a, b, start)
    return states, (a, start, states)


def _backward(order, reverse, saved, gradient):
    a, start, states = saved
    nothing = jnp.zeros_like(start)
    after = _moved(a, nothing, not reverse)  # a_(t+1); the last step has no other behind it
    d_states: Any = _states(order, not reverse, after, gradient, nothing)
    first = _first(reverse)
    d_a = d_states * _moved(states, start, reverse)
    return d_a, d_states, a[:, first] * d_states[:, first]


_states.defvjp(_forward, _backward)


def _first(reverse):
    return -1 if reverse else 0


def _moved(sequence, before, reverse):
    """Returns for each step what was at the step before it."""
    if reverse:
        return jnp.concatenate([sequence[:, 1:], before[:, None]], axis=1)
    return jnp.concatenate([before[:, None], sequence[:, :-1]], axis=1)
