"""The loops of a recurrence: the reference, and one with a backward pass of its own.

All is time major here. A map with an operand gives activation(x's part + operand kernel).
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .products import affine as affine_product
from .products import weight_gradient
from .scan_over import scan_over

Step = Callable[..., Any]

WIDE = 512  # columns; a kernel of fewer is not cut: halves of 128 were slower than the whole


def identity(x: jax.Array) -> jax.Array:
    """Returns x."""
    return x


# The derivative of an activation from its own value. Other activations are computed once more.
_SLOPES: dict[Any, Callable[[jax.Array], Any]] = {
    identity: jnp.ones_like,
    jax.nn.sigmoid: lambda y: y * (1 - y),
    jnp.tanh: lambda y: 1 - y * y,
    jax.nn.relu: lambda y: jnp.where(y > 0, jnp.ones_like(y), 0),
}


class Slices(NamedTuple):
    """What changes from step to step; in a loop with time in front."""

    inputs: Any  # a dict of (b, k): x's part of each map, with the bias; or what it is made of
    keep: Any  # (b, 1) or (b, n)
    fresh: jax.Array | None  # (b, 1)


class Parts(NamedTuple):
    """The operands' part of each map that has one."""

    kernels: dict[str, jax.Array]  # (m, k)
    biases: dict[str, jax.Array]  # (k,), where x has no part


def guarded(step, fresh_state, params, state, now, affine):
    """Runs one step as far as the flags allow."""
    if now.fresh is not None:
        state = _mix(now.fresh, fresh_state, state)
    after = step(state, affine, *params)
    return after if now.keep is None else _mix(now.keep, after, state)


def _mix(flags, yes, no):
    """Returns yes where a flag is set and no where it is not; flags: an array or one for each."""
    if not isinstance(flags, tuple):
        flags = jax.tree.map(lambda _: flags, no)
    return jax.tree.map(_mixed, flags, yes, no)


def _mixed(flag, yes, no):
    if jnp.issubdtype(flag.dtype, jnp.floating):
        return flag * yes + (1 - flag) * no
    return jnp.where(flag, yes, no)


def _one_step(step, precision, parts, pieces, params, fresh_state, state, now):
    """Returns the state after one step, and what each map with an operand gave.

    `pieces` are the kernels of `parts` as _cut cuts them.
    """
    gave = {}

    def affine(name, operand=None, activation=identity):
        if operand is None:
            return activation(now.inputs[name])
        added = now.inputs.get(name, parts.biases.get(name))
        ys = _by_columns(operand, pieces[name], added, precision)
        if activation not in _SLOPES:  # it may look at all columns
            gave[name] = y = _joined(ys)
            return activation(y)
        gave[name] = z = _joined([activation(y) for y in ys])
        return z

    return guarded(step, fresh_state, params, state, now, affine), gave


def _cut(kernel, precision):
    """Returns a kernel in halves of its columns where that is faster, else in one piece.

    A step has products after one another, each too small for two threads, and between them what
    one thread does. In halves, two threads work at two products, and at what follows each.
    """
    if kernel.shape[1] < WIDE or kernel.shape[1] % 2 or not _gains_by_halves(precision):
        return (kernel,)
    return tuple(jnp.split(kernel, 2, axis=1))


def _gains_by_halves(precision):
    return precision != 'bf16' and jax.default_backend() == 'cpu'


def _by_columns(operand, pieces, added, precision):
    """Returns operand kernel + added for each piece of a kernel."""
    n = len(pieces)
    added = [None] * n if added is None else jnp.split(added, n, axis=-1)
    return [affine_product(operand, w, a, precision) for w, a in zip(pieces, added, strict=True)]


def _joined(pieces):
    return pieces[0] if len(pieces) == 1 else jnp.concatenate(pieces, axis=-1)


def loop(step, precision, reverse, slices, parts, params, start, fresh_state):
    """Runs all steps; returns the states after each and the last one. The reference."""
    pieces = {name: _cut(kernel, precision) for name, kernel in parts.kernels.items()}

    def body(state, now):
        state, _ = _one_step(step, precision, parts, pieces, params, fresh_state, state, now)
        return state, state

    last, states = jax.lax.scan(body, start, slices, reverse=reverse)
    return states, last


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def saving_loop(step, precision, *arguments):
    """Runs all steps as `loop` does; where it is differentiated, as below."""
    return loop(step, precision, *arguments)


def _forward(step, precision, reverse, slices, parts, params, start, fresh_state):
    pieces = {name: _cut(kernel, precision) for name, kernel in parts.kernels.items()}
    # What x gives to a map has the shape of what the map gives, and is read for that alone.
    over = {k: v for k, v in slices.inputs.items() if k in parts.kernels}
    slices = slices._replace(inputs={k: None if k in over else v for k, v in slices.inputs.items()})

    def body(state, old, now):
        now = now._replace(inputs=now.inputs | old)
        after, gave = _one_step(step, precision, parts, pieces, params, fresh_state, state, now)
        return after, {name: gave.pop(name) for name in over}, (state, gave)

    last, gave, (before, others) = scan_over(body, start, over, slices, reverse)
    states = jax.tree.map(functools.partial(_after, reverse), before, last)
    return (states, last), (slices, parts, params, fresh_state, before, gave | others)


def _backward(step, precision, reverse, saved, gradients):
    slices, parts, params, fresh_state, before, gave = saved
    d_states, d_last = gradients
    of_x_alone = {k: v for k, v in slices.inputs.items() if k not in parts.kernels}
    back = {name: _cut(kernel.T, precision) for name, kernel in parts.kernels.items()}

    def body(d_carried, gave, here):
        d_state, d_common = d_carried
        d_after, state, now = here

        def replay(state, common, inputs, probes):
            operands = {}
            affine = _recalling(precision, inputs, probes, gave, back, operands)
            params, fresh_state = common
            after = guarded(step, fresh_state, params, state, now, affine)
            return after, operands

        probes = jax.tree.map(jnp.zeros_like, gave)
        common = (params, fresh_state)
        _, pull, operands = jax.vjp(replay, state, common, now.inputs, probes, has_aux=True)
        d_state, d_common_here, d_inputs, d_gave = pull(_sum(d_state, d_after))
        return (d_state, _sum(d_common, d_common_here)), d_gave, (d_inputs, operands)

    zeros = jax.tree.map(jnp.zeros_like, (params, fresh_state))
    here = (d_states, before, slices._replace(inputs=of_x_alone))
    (d_start, (d_params, d_fresh)), d_gave, (d_inputs, operands) = scan_over(
        body, (d_last, zeros), gave, here, not reverse
    )
    d_slices = Slices({k: d_inputs.get(k, d_gave.get(k)) for k in slices.inputs}, None, None)
    d_parts = Parts(
        {name: weight_gradient(operands[name], d_gave[name], precision) for name in parts.kernels},
        {name: d_gave[name].sum((0, 1)) for name in parts.biases},
    )
    return d_slices, d_parts, d_params, d_start, d_fresh


saving_loop.defvjp(_forward, _backward)


def _recalling(precision, inputs, probes, gave, back, operands):
    """Returns maps that give what they gave, and note their operands in `operands`."""

    def affine(name, operand=None, activation=identity):
        if operand is None:
            return activation(inputs[name])
        operands[name] = operand
        known = activation in _SLOPES
        recalled = activation if known else identity
        y = _recall(recalled, precision, operand, probes[name], gave[name], back[name])
        return y if known else activation(y)

    return affine


def _after(reverse, before, last):
    """Returns the states after each step, of those before each and the last one."""
    if reverse:
        return jnp.concatenate([last[None], before[:-1]])
    return jnp.concatenate([before[1:], last[None]])


def _sum(a, b):
    return jax.tree.map(jnp.add, a, b)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _recall(activation, precision, operand, probe, y, back):
    """Returns y, what a map gave; its gradients are those of activation(operand kernel + probe)."""
    return y


def _recall_forward(activation, precision, operand, probe, y, back):
    return y, (y, back)


def _recall_backward(activation, precision, saved, d_y):
    y, back = saved
    d_sum = d_y * _SLOPES[activation](y)
    return _joined(_by_columns(d_sum, back, None, precision)), d_sum, None, None


_recall.defvjp(_recall_forward, _recall_backward)


def in_pieces(whole, reverse, size, slices, parts, params, start, fresh_state):
    """Runs a loop piece by piece, `size` steps at a time."""
    t = jax.tree.leaves(slices.inputs)[0].shape[0]
    pieces = t // size
    even, rest = pieces * size, t - pieces * size

    def piece(slices, state):
        return whole(slices, parts, params, state, fresh_state)

    def body(state, slices):
        states, state = piece(slices, state)
        return state, states

    def run_even(state):
        cut = jax.tree.map(lambda s: s[:even].reshape(pieces, size, *s.shape[1:]), slices)
        last, states = jax.lax.scan(body, state, cut, reverse=reverse)
        return jax.tree.map(lambda s: s.reshape(even, *s.shape[2:]), states), last

    def run_rest(state):
        return piece(jax.tree.map(lambda s: s[even:], slices), state)

    runs = [run_even, *([run_rest] if rest else [])]
    found, state = [], start
    for run in reversed(runs) if reverse else runs:
        states, state = run(state)
        found.append(states)
    found = found[::-1] if reverse else found
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), *found), state
