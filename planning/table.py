"""An embedding and the recurrent layer after it as one: rows of a table are the layer's inputs.

With E the embedding and [W_x; U] a kernel, x_t W_x + b = (E W_x + b)[id_t]: what the loop needs of
an id is one row, made once for every id.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .. import layers as tl
from ..kernels import Affine, affine, recur_from
from ..layers.checks import same_batch


class TableWeights(NamedTuple):
    """Weights of a recurrent layer on ids."""

    tables: dict[str, jax.Array]  # (vocab_size, k): x's part of each map, with its bias
    kernels: dict[str, Any]  # (m, k): the operand's part; it may be packed
    biases: dict[str, jax.Array]  # (k,), where x has no part
    params: tuple[Any, ...]


class TableRecurrent(tl.Layer):
    """Runs a cell along time on ids, from zeros, with tables in place of products with x.

    Shapes: ids (b, t) -> (b, t, n_units).

    State: that of the layer it stands for, h (b, s).
    """

    has_memory = True

    def __init__(self, layer: tl.Recurrent):
        super().__init__(name=f'Table[{layer.name}]')
        self._step = layer.cell

    def state_fn(self, signature, context):
        return self._zeros(signature) if context.steps else ()

    def apply_fn(self, x, weights, state, context):
        start = self._zeros(x)
        if context.steps:
            same_batch(state, x)
            start = state
        inputs = {k: jnp.take(t, x, axis=0, mode='clip') for k, t in weights.tables.items()}
        maps = {k: Affine(w, weights.biases.get(k), False) for k, w in weights.kernels.items()}
        cell = self._step
        states, last = recur_from(
            cell.compiled_step,
            inputs,
            cell.unpack(start),
            maps,
            weights.params,
            precision=context.precision,
        )
        return cell.output(states), cell.pack(last) if context.steps else state

    def _zeros(self, x):
        return jnp.zeros((x.shape[0], sum(self._step.state_widths)), jnp.float32)


def fits(first: Any, second: Any) -> bool:
    """Whether two layers, one after the other, can be one."""
    return type(first) is tl.Embedding and isinstance(second, tl.Recurrent) and second.is_plain


def convert(embedding: jax.Array, weights: Any, cell: tl.RecurrentCell, precision: str) -> Any:
    """Returns the weights of a TableRecurrent from those of the two layers."""
    d = embedding.shape[1]
    tables, kernels, biases = {}, {}, {}
    for name, m in cell.affines(weights).items():
        rows = d if m.of_x else 0
        if m.of_x:
            zeros = jnp.zeros(m.kernel.shape[1], m.kernel.dtype)
            bias = zeros if m.bias is None else m.bias
            tables[name] = affine(embedding, m.kernel[:d], bias, precision)
        elif m.bias is not None:
            biases[name] = m.bias
        if m.kernel.shape[0] > rows:
            kernels[name] = m.kernel[rows:]
    return TableWeights(tables, kernels, biases, cell.params(weights))
