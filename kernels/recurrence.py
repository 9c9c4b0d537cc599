"""The loop of every recurrent layer, with a backward pass of its own.

A recurrence is a function `step(state, affine, *params) -> state`. Its products are affine maps of
the input x and of an operand that it makes of the state; it asks for each once, by name:

    def step(h, affine):
        u, r = jnp.split(affine('gates', h, sigmoid), 2, axis=-1)
        c = affine('candidate', r * h, tanh)
        return u * h + (1 - u) * c

From that alone the loop knows what can leave it. Products with x are made for all steps before it,
or for a block of steps at a time where no gradient needs them later.
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
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .either import either
from .forward_mode import reverse_mode_only
from .implementation import Implementation, resolved
from .products import affine as affine_product
from .products import dot, unpack
from .recurrence_loop import Parts, Slices, Step, guarded, identity, in_pieces, loop, saving_loop
from .rows import Rows, looked_up, mapping, settled, source, time_major


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


@reverse_mode_only
@functools.partial(
    jax.jit, static_argnames=('step', 'precision', 'reverse', 'remat', 'implementation')
)
def recur(
    step: Step,
    x: jax.Array | Rows,
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
      x: the inputs; of rows of a table, more than the table has, the maps are made of the table.
      start: the state before the first step.
      maps: the affine maps by name.
      params: further arrays for `step`, such as gains; their gradients add up in the loop.
      flags: see Flags; not differentiated.
      fresh_state: what the state is where `flags.fresh` says so; zeros if None.
      precision: of the products: 'float32', 'tf32' or 'bf16'.
      reverse: whether to go from the last step to the first.
      remat: whether to keep the states at about sqrt(t) steps only and to run the rest again in
        the backward pass.
      implementation: 'reference' is a plain loop that jax differentiates; 'xla' has its own
        backward pass, which forward mode cannot differentiate; see `implementation.resolved`.
    """
    if flags.fresh is not None and fresh_state is None:
        fresh_state = jax.tree.map(jnp.zeros_like, start)
    if x.shape[1] == 1:  # decoding: no loop, and no slices of the kernels, which are copies
        affine = _of_x(looked_up(x)[:, 0], maps, precision)
        return _once(step, affine, start, params, flags, fresh_state)
    chosen = resolved(implementation)
    x = time_major(looked_up(x) if chosen == 'reference' else settled(x))
    whole = functools.partial(_whole, step, (precision, reverse, remat, chosen))
    blocks = functools.partial(_in_blocks, step, precision, reverse)
    arguments = (x, maps, start, params, flags, fresh_state)
    in_one = chosen == 'reference' or _block_size(*x.shape) == x.shape[0]
    return whole(*arguments) if in_one else either(blocks, whole, *arguments)


def _whole(step, options, x, maps, start, params, flags, fresh_state):
    """Makes what x gives to the maps at once, then runs the loop over it."""
    inputs = _input_part(x, maps, options[0])(source(x))
    parts = _recurrent_parts(maps, x.shape[-1])
    return _along(step, inputs, parts, start, params, flags, fresh_state, *options)


def _in_blocks(step, precision, reverse, x, maps, start, params, flags, fresh_state):
    """Makes what x gives to the maps for a block of steps at a time, and keeps none of it."""
    inputs_of, size = _input_part(x, maps, precision), _block_size(*x.shape)

    def run(slices, *rest):
        slices = slices._replace(inputs=inputs_of(slices.inputs))
        return loop(step, precision, reverse, slices, *rest)

    slices = Slices(source(x), _time_major(flags.keep), _time_major(flags.fresh))
    rest = (_recurrent_parts(maps, x.shape[-1]), params, start, fresh_state)
    return _batch_major(*in_pieces(run, reverse, size, slices, *rest))


BLOCK = 1024  # rows of x, steps times batch, that a block has about


def _block_size(t, b, d):
    """Returns how many steps of a pass that nobody differentiates are made at a time.

    What x gives to the maps of all of them is most of the memory of a pass. That of a block stays
    near the processor, and the next one writes over it; but a product of fewer rows than twice
    those of its kernel takes longer. Blocks are of equal size where that is easy. Names for sizes
    stay whole.
    """
    if jax.default_backend() != 'cpu' or not all(isinstance(size, int) for size in (t, b, d)):
        return t
    n = min(t, math.ceil(t * b / max(BLOCK, 2 * d)))
    if n == 0:  # no steps, or no rows
        return t
    even = (t // m for m in range(n, 2 * n) if t % m == 0)
    return next(even, math.ceil(t / n))


def recur_from(
    step: Step,
    inputs: Mapping[str, jax.Array],
    start: Any,
    maps: Mapping[str, Affine],
    params: tuple[Any, ...] = (),
    *,
    precision: str = 'float32',
    implementation: Implementation = 'auto',
) -> tuple[Any, Any]:
    """Runs a recurrence from what x gives to each map; returns what `recur` returns.

    Shapes: inputs (b, t, k) for each map that x has a part in, with its bias.

    Args:
      step, start, params, precision, implementation: see `recur`.
      inputs: x's part of the maps, such as rows of a table; for a single step the whole of those
        that are not among `maps`.
      maps: the operands' part of those that have one, without x: (m, k).
    """
    if next(iter(inputs.values())).shape[1] == 1:
        affine = _with_inputs({k: v[:, 0] for k, v in inputs.items()}, maps, precision)
        return _once(step, affine, start, params, NO_FLAGS, None)
    inputs = {k: jnp.swapaxes(v, 0, 1) for k, v in inputs.items()}
    parts = _recurrent_parts(maps, 0)
    options = (precision, False, False, resolved(implementation))
    return _along(step, inputs, parts, start, params, NO_FLAGS, None, *options)


def _once(step, affine, start, params, flags, fresh_state):
    """Runs one step; returns the state with an axis of time, and without."""
    now = Slices({}, _first(flags.keep), _first(flags.fresh))
    state = guarded(step, fresh_state, params, start, now, affine)
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
    reverse,
    remat,
    implementation,
):
    """Runs the loop over inputs that are time major."""
    slices = Slices(inputs, _time_major(flags.keep), _time_major(flags.fresh))
    run = loop if implementation == 'reference' else saving_loop
    run = functools.partial(run, step, precision, reverse)
    if remat:  # the backward pass knows the states between pieces only
        t = next(iter(inputs.values())).shape[0]
        run = functools.partial(in_pieces, jax.checkpoint(run), reverse, math.isqrt(t - 1) + 1)
    return _batch_major(*run(slices, parts, params, start, fresh_state))


def _batch_major(states, last):
    return jax.tree.map(lambda s: jnp.swapaxes(s, 0, 1), states), last


def _recurrent_parts(maps, d):
    kernels = {k: unpack(m.kernel)[d if m.of_x else 0 :] for k, m in maps.items()}
    return Parts(
        {k: w for k, w in kernels.items() if w.shape[0]},
        {k: m.bias for k, m in maps.items() if not m.of_x and m.bias is not None},
    )


def _input_part(x, maps, precision):
    """Returns the function from `source(x)` to what x gives to each map that it has a part in."""
    named = {name: m for name, m in maps.items() if m.of_x}
    kernels = {name: unpack(m.kernel)[: x.shape[-1]] for name, m in named.items()}
    makers = {name: mapping(x, kernels[name], m.bias, precision) for name, m in named.items()}
    return lambda x: {name: make(x) for name, make in makers.items()}


def _of_x(x, maps, precision):
    """Returns the maps as functions for one step with x."""

    def affine(name, operand=None, activation=identity):
        m = maps[name]
        parts = ([x] if m.of_x else []) + ([] if operand is None else [operand])
        joined = parts[0] if len(parts) == 1 else jnp.concatenate(parts, axis=-1)
        return activation(affine_product(joined, m.kernel, m.bias, precision))

    return affine


def _with_inputs(inputs, maps, precision):
    """Returns the maps as functions for one step with x's part of each."""

    def affine(name, operand=None, activation=identity):
        if operand is None or name not in maps:
            return activation(inputs[name])
        kernel, bias = maps[name].kernel, maps[name].bias
        if name in inputs:  # the bias is in them
            return activation(inputs[name] + dot(operand, kernel, precision))
        return activation(affine_product(operand, kernel, bias, precision))

    return affine


def _first(flags):
    return jax.tree.map(lambda f: f[:, 0].reshape(f.shape[0], -1), flags)


def _time_major(flags):
    return jax.tree.map(lambda f: jnp.swapaxes(f.reshape(*f.shape[:2], -1), 0, 1), flags)
