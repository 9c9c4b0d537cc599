"""A recurrent layer that is fed: x's part of its maps comes made, and it makes the next layer's.

With E an embedding and [W; U] a kernel, x_t W + b = (E W + b)[id_t]: what the first recurrent layer
needs of an id is one row of a table, made once. And a new state h is multiplied by two matrices,
by W of the layer that follows and, a step later, by U: one product by [U, W] makes both. So a step
of a stack makes fewer products, of larger matrices, and starts with what the last one made.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .. import layers as tl
from ..kernels import Affine, Packed, dot, recur_from
from ..layers.checks import same_batch


class Ahead(NamedTuple):
    """The state of a fed layer between two steps."""

    state: jax.Array  # (b, s): that of the layer it stands for
    made: Any  # (b, k): its output's products for the next step


class FedWeights(NamedTuple):
    """Weights of a fed layer."""

    kernels: dict[str, Any]  # (m, k): the operand's part of maps of what a step makes of its state
    biases: dict[str, jax.Array]  # (k,), where x has no part
    joint: Any  # (n, k): the output's part of the maps of the next step, then of what is fed
    bias: Any  # (k,): of what is fed; None, and no joint, where nothing is
    params: tuple[Any, ...]


class Fed(tl.Layer):
    """Runs a cell along time from x's part of its maps, side by side, and makes the next layer's.

    Shapes: x (b, t, widths of the maps that x has a part in) -> (b, t, what the next layer is fed);
    (b, t, n_units) if it feeds none.

    State: that of the layer it stands for, h (b, s); or Ahead, and it gives what it was given.
    """

    has_memory = True

    def __init__(self, layer: tl.Recurrent, feeds: bool):
        super().__init__(name=f'Fed[{layer.name}]')
        self._cell_of_step, self._early = layer.cell, early(layer) if feeds else ()
        self._feeds = feeds
        maps = self._cell_of_step.maps()
        self._given = {name: m.width for name, m in maps.items() if m.of_x}
        self._made = {name: maps[name].width for name in self._early}

    def state_fn(self, signature, context):
        return self._zeros(signature) if context.steps else ()

    def apply_fn(self, x, weights, state, context):
        cell, start = self._cell_of_step, self._zeros(x)
        is_ahead = isinstance(state, Ahead)
        if context.steps:
            start = state.state if is_ahead else state
            same_batch(start, x)
        inputs = _split(x, self._given)
        kernels = dict(weights.kernels)
        if is_ahead and x.shape[1] == 1:
            inputs |= self._with_made(inputs, state.made, weights.biases)
        else:
            kernels |= self._own(weights)
        maps = {k: Affine(w, weights.biases.get(k), False) for k, w in kernels.items()}
        precision = context.precision
        states, last = recur_from(
            cell.compiled_step,
            inputs,
            cell.unpack(start),
            maps,
            weights.params,
            precision=precision,
            implementation=context.implementation,
        )
        following, last, made = cell.output(states), cell.pack(last), None
        if self._feeds:
            following, made = self._products(following, weights, precision, is_ahead)
        if not context.steps:
            return following, state
        return following, Ahead(last, made) if is_ahead else last

    def ahead(self, weights: Any, state: Any, precision: str) -> Any:
        """Returns a state with the products that a step begins with."""
        if not self._early:
            return state
        y = self._cell_of_step.output(self._cell_of_step.unpack(state))
        return Ahead(state, dot(y, weights.joint, precision)[:, : self._n_made])

    @property
    def _n_made(self):
        return sum(self._made.values())

    def _with_made(self, inputs, made, biases):
        """Returns the inputs of the maps whose operand's part is made already."""
        parts = _split(made[:, None], self._made)
        rest = {**biases, **inputs}
        return {
            k: v + jnp.broadcast_to(rest[k], v.shape) if k in rest else v for k, v in parts.items()
        }

    def _own(self, weights):
        """Returns the operand's part of those maps."""
        ends = _ends(self._made)
        return {k: _columns(weights.joint, *ends[k]) for k in self._made}

    def _products(self, y, weights, precision, is_ahead):
        """Returns what the next layer is fed, and what the next step begins with."""
        n = self._n_made
        if is_ahead and y.shape[1] == 1:
            both = dot(y, weights.joint, precision)
            following, made = both[..., n:], both[:, 0, :n]
        else:
            following = dot(y, _columns(weights.joint, n, None), precision)
            made = dot(y[:, -1], _columns(weights.joint, 0, n), precision) if is_ahead else None
        return following + jnp.broadcast_to(weights.bias, following.shape), made

    def _zeros(self, x):
        return jnp.zeros((x.shape[0], sum(self._cell_of_step.state_widths)), jnp.float32)


def early(layer: tl.Recurrent) -> tuple[str, ...]:
    """Returns the maps of a step whose operand is the output before it, as it is."""
    cell, names = layer.cell, []
    maps = cell.maps()

    def step(state):
        def affine(name, operand=None, activation=None):
            if operand is not None and operand is cell.output(state):
                names.append(name)
            return jnp.zeros((1, maps[name].width), jnp.float32)

        return cell.step(state, affine, *cell.params(layer.weights))

    jax.eval_shape(step, cell.unpack(jnp.zeros((1, sum(cell.state_widths)), jnp.float32)))
    return tuple(names)


def fed_weights(layer: Fed, weights: Any, following: tuple[Any, Any] | None) -> FedWeights:
    """Returns the weights of a fed layer from those of the layer it stands for.

    Args:
      layer: the fed layer.
      weights: of the layer it stands for.
      following: kernel and bias of what is fed; None if nothing is.
    """
    cell = layer._cell_of_step
    kernels, biases = {}, {}
    for name, m in cell.affines(weights).items():
        rows = cell.operand_rows(cell.maps()[name])
        if rows:
            kernels[name] = m.kernel[-rows:]
        if not m.of_x and m.bias is not None:
            biases[name] = m.bias
    if following is None:
        return FedWeights(kernels, biases, None, None, cell.params(weights))
    kernel, bias = following
    joint = jnp.concatenate([*(kernels.pop(name) for name in layer._early), kernel], axis=1)
    return FedWeights(kernels, biases, joint, bias, cell.params(weights))


def of_x(cell: tl.RecurrentCell, weights: Any) -> tuple[jax.Array, jax.Array]:
    """Returns x's part of the maps of a cell, side by side: kernel (d, k), bias (k,)."""
    kernels, biases = [], []
    for name, m in cell.affines(weights).items():
        if m.of_x:
            rows = cell.operand_rows(cell.maps()[name])
            kernels.append(m.kernel[: m.kernel.shape[0] - rows])
            zeros = jnp.zeros(m.kernel.shape[1], m.kernel.dtype)
            biases.append(zeros if m.bias is None else m.bias)
    return jnp.concatenate(kernels, axis=1), jnp.concatenate(biases)


def _ends(widths):
    """Returns where each part begins and ends."""
    found, start = {}, 0
    for name, width in widths.items():
        found[name] = start, start + width
        start += width
    return found


def _split(x, widths):
    return {name: x[..., i:j] for name, (i, j) in _ends(widths).items()}


def _columns(kernel, start, end):
    """Returns some columns of a matrix that may be packed."""
    if isinstance(kernel, Packed):
        return Packed(kernel.rows[start:end])
    return kernel[:, start:end]
