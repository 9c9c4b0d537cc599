"""The loop of every recurrent layer, with a backward pass of its own.

A recurrence is a function `step(state, affine, *params) -> state`. Its products are affine maps of
the input x and of an operand that it makes of the state; it asks for each once, by name:

    def step(h, affine):
        u, r = jnp.split(affine('gates', h, sigmoid), 2, axis=-1)
        c = affine('candidate', r * h, tanh)
        return u * h + (1 - u) * c

From that alone the loop knows what can leave it. Products with x are made for all steps before it.
Differentiating a plain scan adds the gradient of a recurrent matrix up at every step, in an array
as large as the matrix; here the forward loop saves what each map gave, the reverse loop computes
the gradients of these only, and one product over all steps and rows then gives the gradient of
each matrix. It is exact: the same sums in another order.

An output is read off the states of all steps at once, by the caller. Inside, sequences are time
major. Letters: t steps, b rows, d features of x, m of an operand, k of a map.
"""

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp

from .products import affine as affine_product
from .products import dot, unpack

Implementation = Literal['auto', 'scan', 'saved']
Step = Callable[..., Any]


@functools.partial(
    jax.tree_util.register_dataclass, data_fields=['kernel', 'bias'], meta_fields=['of_x']
)
@dataclasses.dataclass(frozen=True)
class Affine:
    """An affine map of [x, operand]: the kernel's rows are x's, then the operand's."""

    # (d + m, k); (d, k) without an operand; (m, k) where x has no part. It may be packed.
    kernel: Any
    bias: jax.Array | None  # (k,)
    of_x: bool = True  # whether x has a part


class Flags(NamedTuple):
    """What happens to the state at each step; None: nothing."""

    # How much of the new state is taken: bools or floats from 0 to 1, (b, t), or (b, t, n) each in
    # a tree like the state's.
    keep: Any = None
    fresh: jax.Array | None = None  # (b, t): whether the state begins anew before this step


NO_FLAGS = Flags()


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


@functools.partial(
    jax.jit, static_argnames=('step', 'precision', 'reverse', 'remat', 'implementation')
)
def recur(
    step: Step,
    x: jax.Array,
    start: Any,
    maps: Mapping[str, Affine],
    params: tuple[Any, ...] = (),
    flags: Flags = NO_FLAGS,
    fresh_state: Any = None,
    *,
    precision: str = 'float32',
    reverse: bool = False,
    remat: bool = False,
    implementation: Implementation = 'auto',
) -> tuple[Any, Any]:
    """Runs a recurrence along time; returns the states after all steps and the last one.

    Shapes: x (b, t, d), start a tree of (b, ...) -> trees of (b, t, ...) and (b, ...).

    Args:
      step: see the module; it closes over no arrays, and equal steps are compiled once.
      x: the inputs.
      start: the state before the first step.
      maps: the affine maps by name.
      params: further arrays for `step`, such as gains; their gradients add up in the loop.
      flags: see Flags; not differentiated.
      fresh_state: what the state is where `flags.fresh` says so; zeros if None.
      precision: of the products: 'float32', 'tf32' or 'bf16'.
      reverse: whether to go from the last step to the first.
      remat: whether to keep the states at about sqrt(t) steps only and to run the rest again in
        the backward pass.
      implementation: 'scan' is the reference, a plain loop that jax differentiates; 'saved' has
        its own backward pass, which forward mode cannot differentiate; 'auto' is 'saved'.
    """
    if x.shape[1] == 1:  # decoding: no loop, and no slices of the kernels, which are copies
        affine = _whole(x[:, 0], maps, precision)
        return _once(step, affine, start, params, flags, fresh_state)
    inputs = _input_parts(jnp.swapaxes(x, 0, 1), maps, precision)
    parts = _recurrent_parts(maps, x.shape[-1])
    options = (precision, reverse, remat, implementation)
    return _along(step, inputs, parts, start, params, flags, fresh_state, *options)


def recur_from(
    step: Step,
    inputs: Mapping[str, jax.Array],
    start: Any,
    maps: Mapping[str, Affine],
    params: tuple[Any, ...] = (),
    *,
    precision: str = 'float32',
) -> tuple[Any, Any]:
    """Runs a recurrence from what x gives to each map; returns what `recur` returns.

    Shapes: inputs (b, t, k) for each map that x has a part in, with its bias.

    Args:
      step, start, params, precision: see `recur`.
      inputs: x's part of the maps, such as rows of a table.
      maps: the operands' part of those that have one, without x: (m, k).
    """
    if next(iter(inputs.values())).shape[1] == 1:
        affine = _with_inputs({k: v[:, 0] for k, v in inputs.items()}, maps, precision)
        return _once(step, affine, start, params, NO_FLAGS, None)
    inputs = {k: jnp.swapaxes(v, 0, 1) for k, v in inputs.items()}
    parts = _recurrent_parts(maps, 0)
    return _along(step, inputs, parts, start, params, NO_FLAGS, None, precision)


def _once(step, affine, start, params, flags, fresh_state):
    """Runs one step; returns the state with an axis of time, and without."""
    if flags.fresh is not None and fresh_state is None:
        fresh_state = jax.tree.map(jnp.zeros_like, start)
    now = _Slices({}, _first(flags.keep), _first(flags.fresh))
    state = _guarded(step, fresh_state, params, start, now, affine)
    return jax.tree.map(lambda s: s[:, None], state), state


def _along(
    step,
    inputs,
    parts,
    start,
    params,
    flags,
    fresh_state,
    precision,
    reverse=False,
    remat=False,
    implementation='auto',
):
    """Runs the loop over inputs that are time major."""
    if implementation not in get_args(Implementation):
        words = ', '.join(map(repr, get_args(Implementation)))
        raise ValueError(f'implementation must be one of {words}, got {implementation!r}')
    if flags.fresh is not None and fresh_state is None:
        fresh_state = jax.tree.map(jnp.zeros_like, start)
    slices = _Slices(inputs, _time_major(flags.keep), _time_major(flags.fresh))
    loop = _loop if implementation == 'scan' else _saving
    loop = functools.partial(loop, step, precision, reverse)
    run = _in_pieces if remat else _at_once
    states, last = run(loop, reverse, slices, parts, params, start, fresh_state)
    return jax.tree.map(lambda s: jnp.swapaxes(s, 0, 1), states), last


class _Slices(NamedTuple):
    """What changes from step to step; in a loop with time in front."""

    inputs: dict[str, jax.Array]  # (b, k): x's part of each map, with the bias
    keep: Any  # (b, 1) or (b, n)
    fresh: jax.Array | None  # (b, 1)


class _Parts(NamedTuple):
    """The operands' part of each map that has one."""

    kernels: dict[str, jax.Array]  # (m, k)
    biases: dict[str, jax.Array]  # (k,), where x has no part


def _recurrent_parts(maps, d):
    kernels = {k: unpack(m.kernel)[d if m.of_x else 0 :] for k, m in maps.items()}
    return _Parts(
        {k: w for k, w in kernels.items() if w.shape[0]},
        {k: m.bias for k, m in maps.items() if not m.of_x and m.bias is not None},
    )


def _input_parts(x, maps, precision):
    """Returns what x gives to each map, by one product for all of them."""
    d = x.shape[-1]
    named = {name: m for name, m in maps.items() if m.of_x}
    widths = [m.kernel.shape[1] for m in named.values()]
    kernel = jnp.concatenate([unpack(m.kernel)[:d] for m in named.values()], axis=1)
    biases = [
        jnp.zeros(k, kernel.dtype) if m.bias is None else m.bias
        for k, m in zip(widths, named.values(), strict=True)
    ]
    y = affine_product(x, kernel, jnp.concatenate(biases), precision)
    ends = [sum(widths[:i]) for i in range(1, len(widths))]
    return dict(zip(named, jnp.split(y, ends, axis=-1), strict=True))


def _whole(x, maps, precision):
    """Returns the maps as functions for one step with x."""

    def affine(name, operand=None, activation=identity):
        m = maps[name]
        parts = ([x] if m.of_x else []) + ([] if operand is None else [operand])
        joined = parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=-1)
        if m.bias is None:
            return activation(dot(joined, m.kernel, precision))
        return activation(affine_product(joined, m.kernel, m.bias, precision))

    return affine


def _with_inputs(inputs, maps, precision):
    """Returns the maps as functions for one step with x's part of each."""

    def affine(name, operand=None, activation=identity):
        if operand is None:
            return activation(inputs[name])
        y = dot(operand, maps[name].kernel, precision)
        if name in inputs:
            return activation(inputs[name] + y)
        bias = maps[name].bias
        return activation(y if bias is None else y + jnp.broadcast_to(bias, y.shape))

    return affine


def _first(flags):
    return jax.tree.map(lambda f: f[:, 0].reshape(f.shape[0], -1), flags)


def _time_major(flags):
    return jax.tree.map(lambda f: jnp.swapaxes(f.reshape(*f.shape[:2], -1), 0, 1), flags)


def _guarded(step, fresh_state, params, state, now, affine):
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


def _one_step(step, precision, parts, params, fresh_state, state, now):
    """Returns the state after one step, and what each map with an operand gave."""
    gave = {}

    def affine(name, operand=None, activation=identity):
        if operand is None:
            return activation(now.inputs[name])
        y = dot(operand, parts.kernels[name], precision)
        if name in now.inputs:
            y = now.inputs[name] + y
        if name in parts.biases:
            y = y + jnp.broadcast_to(parts.biases[name], y.shape)
        z = activation(y)
        gave[name] = z if activation in _SLOPES else y
        return z

    return _guarded(step, fresh_state, params, state, now, affine), gave


def _loop(step, precision, reverse, slices, parts, params, start, fresh_state):
    def body(state, now):
        state, _ = _one_step(step, precision, parts, params, fresh_state, state, now)
        return state, state

    last, states = jax.lax.scan(body, start, slices, reverse=reverse)
    return states, last


_saving = jax.custom_vjp(_loop, nondiff_argnums=(0, 1, 2))


def _forward(step, precision, reverse, slices, parts, params, start, fresh_state):
    def body(state, now):
        after, gave = _one_step(step, precision, parts, params, fresh_state, state, now)
        return after, (after, gave)

    last, (states, gave) = jax.lax.scan(body, start, slices, reverse=reverse)
    return (states, last), (slices, parts, params, start, fresh_state, states, gave)


def _backward(step, precision, reverse, saved, gradients):
    slices, parts, params, start, fresh_state, states, gave = saved
    d_states, d_last = gradients
    before = jax.tree.map(functools.partial(_before, reverse), start, states)
    of_x_alone = {k: v for k, v in slices.inputs.items() if k not in parts.kernels}
    back = {name: kernel.T for name, kernel in parts.kernels.items()}

    def body(d_carried, here):
        d_state, d_common = d_carried
        d_after, state, gave, now = here

        def replay(state, common, inputs, probes):
            operands = {}

            def affine(name, operand=None, activation=identity):
                if operand is None:
                    return activation(inputs[name])
                operands[name] = operand
                known = activation in _SLOPES
                recalled = activation if known else identity
                y = _recall(recalled, precision, operand, probes[name], gave[name], back[name])
                return y if known else activation(y)

            params, fresh_state = common
            after = _guarded(step, fresh_state, params, state, now, affine)
            return after, operands

        probes = jax.tree.map(jnp.zeros_like, gave)
        common = (params, fresh_state)
        _, pull, operands = jax.vjp(replay, state, common, now.inputs, probes, has_aux=True)
        d_state, d_common_here, d_inputs, d_gave = pull(_sum(d_state, d_after))
        return (d_state, _sum(d_common, d_common_here)), (d_inputs, d_gave, operands)

    zeros = jax.tree.map(jnp.zeros_like, (params, fresh_state))
    here = (d_states, before, gave, slices._replace(inputs=of_x_alone))
    (d_start, (d_params, d_fresh)), (d_inputs, d_gave, operands) = jax.lax.scan(
        body, (d_last, zeros), here, reverse=not reverse
    )
    d_slices = _Slices({k: d_inputs.get(k, d_gave.get(k)) for k in slices.inputs}, None, None)
    d_parts = _Parts(
        {name: _over_all_steps(operands[name], d_gave[name], precision) for name in parts.kernels},
        {name: d_gave[name].sum((0, 1)) for name in parts.biases},
    )
    return d_slices, d_parts, d_params, d_start, d_fresh


_saving.defvjp(_forward, _backward)


def _before(reverse, start, states):
    """Returns the states before each step."""
    if reverse:
        return jnp.concatenate([states[1:], start[None]])
    return jnp.concatenate([start[None], states[:-1]])


def _sum(a, b):
    return jax.tree.map(jnp.add, a, b)


def _over_all_steps(operand, d_gave, precision):
    """Returns the sum of operand[t, b]' d_gave[t, b] over all steps and rows, as one product."""
    a, b = operand.reshape(-1, operand.shape[-1]), d_gave.reshape(-1, d_gave.shape[-1])
    return dot(a.T, b, precision)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _recall(activation, precision, operand, probe, y, back):
    """Returns y, what a map gave; its gradients are those of activation(operand kernel + probe)."""
    return y


def _recall_forward(activation, precision, operand, probe, y, back):
    return y, (y, back)


def _recall_backward(activation, precision, saved, d_y):
    y, back = saved
    d_sum = d_y * _SLOPES[activation](y)
    return dot(d_sum, back, precision), d_sum, None, None


_recall.defvjp(_recall_forward, _recall_backward)


def _at_once(loop, reverse, slices, *rest):
    return loop(slices, *rest)


def _in_pieces(loop, reverse, slices, parts, params, start, fresh_state):
    """Runs a loop piece by piece; the backward pass knows the states between pieces only."""
    t = next(iter(slices.inputs.values())).shape[0]
    size = math.isqrt(t - 1) + 1
    pieces = t // size
    even, rest = pieces * size, t - pieces * size

    @jax.checkpoint
    def piece(slices, state):
        return loop(slices, parts, params, state, fresh_state)

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
