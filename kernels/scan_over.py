"""A loop that writes what it makes of its inputs over them.

`jax.lax.scan` stacks results in new arrays, which XLA fills with zeros first. In training those are
most of the memory that a recurrent layer touches, and touching it the first time is a large part of
what the layer costs. An input of a step that nobody reads after it is room for a result.
"""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax


def scan_over(
    body: Callable[..., Any], start: Any, over: Any, xs: Any, reverse: bool
) -> tuple[Any, Any, Any]:
    """Runs `state, new, y = body(state, old, x)` along the first axis of `over` and of `xs`.

    Returns the last state, all `new`, which have the shapes and types of `over` and its memory if
    it is not needed elsewhere, and all y in new arrays.
    """
    first = jax.tree.map(lambda a: a[0], (over, xs))
    # What the body closes over becomes arguments, so that derivatives in it are found.
    body, closed_over = jax.closure_convert(body, start, *first)
    return _scan_over(body, reverse, start, over, xs, closed_over)


@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _scan_over(body, reverse, start, over, xs, closed_over):
    t = jax.tree.leaves((over, xs))[0].shape[0]

    def step(carried, now):
        state, over, old = carried
        i, x = now
        state, new, y = body(state, old, x, *closed_over)
        over = jax.tree.map(lambda a, row: lax.dynamic_update_index_in_dim(a, row, i, 0), over, new)
        # Read ahead, and after the write: an array with another reader beside its writer is copied.
        return (state, over, _row(over, i - 1 if reverse else i + 1)), y

    begin = (start, over, _row(over, t - 1 if reverse else 0))
    (state, over, _), y = lax.scan(step, begin, (jnp.arange(t), xs), reverse=reverse)
    return state, over, y


@_scan_over.defjvp
def _derivative(body, reverse, values, tangents):
    """That of a plain scan, which is not in place: this one's would take arrays as its state."""

    def plain(start, over, xs, closed_over):
        def step(state, now):
            state, new, y = body(state, *now, *closed_over)
            return state, (new, y)

        state, (new, y) = lax.scan(step, start, (over, xs), reverse=reverse)
        return state, new, y

    return jax.jvp(plain, values, tangents)


def _row(arrays, i):
    return jax.tree.map(lambda a: lax.dynamic_index_in_dim(a, i, keepdims=False), arrays)
