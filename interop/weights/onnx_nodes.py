"""ONNX: the nodes GRU (linear_before_reset 0 and 1), LSTM and RNN."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from ...combinators import Layer, mismatch
from ...layers import LSTMCell, LSTMWeights, PeepholeLSTMCell, PeepholeLSTMWeights
from .cells import arrays_of, cell_of, chosen, ours, weights_of
from .convention import Bias, Convention, Kernel
from .stacks import backwards, cells_of, stacked


def _convention(name, cell, gates, **options):
    arrays = (
        Kernel('W', 'x', gates, outputs_first=True),
        Kernel('R', 'h', gates, outputs_first=True),
        Bias('B', 'xh', gates),
    )
    return Convention(name, cell, arrays, **options)


CONVENTIONS = (
    _convention('onnx.GRU', 'gru', 'urc'),
    _convention('onnx.GRU(linear_before_reset=1)', 'gru', 'urc', reset='after'),
    _convention('onnx.LSTM', 'lstm', 'iofj'),
    _convention('onnx.RNN', 'rnn', 's', activations=('tanh', 'relu', 'sigmoid')),
)
_INPUTS = ('X', 'W', 'R', 'B', 'sequence_lens', 'initial_h', 'initial_c', 'P')
_DEFAULTS = {'gru': ['sigmoid', 'tanh'], 'lstm': ['sigmoid', 'tanh', 'tanh']}
_SAYS_NOTHING = {
    'op',
    'W',
    'R',
    'B',
    'P',
    'direction',
    'hidden_size',
    'linear_before_reset',
    'layout',
}


def from_onnx(source: Any, **options: Any) -> Layer:
    """Returns the layer that computes what recurrent nodes of ONNX do.

    Inputs are (batch, time, features), ONNX's layout=1; the directions of y are side by side.

    Args:
      source: a ModelProto, all of whose recurrent nodes are taken as one above the other; or a
        node, or a list of them, as a mapping: 'op' ('GRU', 'LSTM', 'RNN'), the initialisers 'W',
        'R', 'B' and, of an LSTM, 'P', and the attributes that it has.
      options: padding, initial_state, return_state and mode, see `stacked`.

    Raises:
      ValueError: a node clips, couples its gates, or has other activations than the default, or
        arrays do not fit.
    """
    if hasattr(source, 'graph'):
        source = _nodes(source)
    nodes = [source] if isinstance(source, Mapping) else list(source)
    if not nodes:
        raise mismatch('the model', 'GRU, LSTM or RNN nodes', 'none')
    back = {node.get('direction', 'forward') == 'reverse' for node in nodes}
    if len(back) > 1:
        raise mismatch('the nodes', 'all of one direction, or bidirectional', 'some in reverse')
    return stacked([_cells(node) for node in nodes], reverse=back.pop(), **options)


def to_onnx(layer: Layer, bias: bool = True) -> list[dict[str, Any]]:
    """Returns the nodes that compute the same as a layer: op, attributes, and W, R, B and P.

    Args:
      layer: a recurrent layer, a stack of them, Bidirectional ones.
      bias: whether the nodes have B.

    Raises:
      ValueError: ONNX has no such node.
    """
    nodes = []
    for cells, back in zip(cells_of(layer), backwards(layer), strict=True):
        cell = cells[0][0]
        plain = LSTMCell(cell.n_units) if type(cell) is PeepholeLSTMCell else cell
        convention = chosen(CONVENTIONS, plain)
        convention = convention if bias else convention.without_biases()
        arrays = [_node_arrays(cell, weights, convention) for cell, weights in cells]
        node: dict[str, Any] = {'op': convention.cell.upper()}
        one_way = 'reverse' if back else 'forward'
        node['direction'] = 'bidirectional' if len(cells) > 1 else one_way
        node['hidden_size'] = cell.n_units
        if convention.cell == 'gru':
            node['linear_before_reset'] = int(convention.reset == 'after')
        if convention.cell == 'rnn':
            node['activations'] = [ours(cell).activations[0].title() for cell, _ in cells]
        nodes.append(node | {k: np.stack([np.asarray(a[k]) for a in arrays]) for k in arrays[0]})
    return nodes


def _cells(node):
    """Returns the cells of a node with their weights, for each direction."""
    name = node['op'] + ('(linear_before_reset=1)' if node.get('linear_before_reset') else '')
    convention = next((c for c in CONVENTIONS if c.name == f'onnx.{name}'), None)
    if convention is None:
        raise mismatch("the node's op", "'GRU', 'LSTM' or 'RNN'", repr(node['op']))
    activations = _activations(node, convention)
    arrays = {k: node[k] for k in ('W', 'R', 'B') if node.get(k) is not None}
    cells = []
    for i in range(arrays['W'].shape[0]):
        one = {k: a[i] for k, a in arrays.items()}
        cell = cell_of(one, convention, activations[i])
        weights = weights_of(cell, one, convention)
        peepholes = node.get('P')
        cells.append(
            (cell, weights) if peepholes is None else _with_peepholes(weights, peepholes[i])
        )
    return cells


def _with_peepholes(weights, peepholes):
    """Returns an LSTM with peepholes (3 n,) of the gates i, o, f, and its weights."""
    n = len(peepholes) // 3
    i, o, f = jnp.asarray(peepholes).reshape(3, n)
    return PeepholeLSTMCell(n), PeepholeLSTMWeights(weights.w, weights.b, jnp.stack([i, f, o]))


def _node_arrays(cell, weights, convention):
    """Returns the arrays of a node from a cell of ours."""
    if type(cell) is not PeepholeLSTMCell:
        return arrays_of(cell, weights, convention)
    i, f, o = np.asarray(weights.p)
    plain = arrays_of(LSTMCell(cell.n_units), LSTMWeights(weights.w, weights.b), convention)
    return plain | {'P': np.concatenate([i, o, f])}


def _activations(node, convention):
    """Returns the activation of each direction, after checking what else a node says."""
    for key, value in node.items():
        if key not in (*_SAYS_NOTHING, 'activations') and value is not None and np.any(value):
            raise mismatch(f'{convention.name}: {key}', 'none', 'some')
    names = [str(name).lower() for name in node.get('activations', ())]
    if convention.cell == 'rnn':
        return names or [None, None]
    wanted = _DEFAULTS[convention.cell]
    if names not in ([], wanted, wanted * 2):
        raise mismatch(f'{convention.name}: activations', wanted, names)
    return [None, None]


def _nodes(model):
    """Returns the recurrent nodes of a ModelProto as mappings."""
    # Not a dependency: who has such a model has onnx.
    from onnx import helper, numpy_helper  # pyright: ignore[reportMissingImports]

    arrays = {i.name: numpy_helper.to_array(i) for i in model.graph.initializer}
    nodes = []
    for node in model.graph.node:
        if node.op_type not in ('GRU', 'LSTM', 'RNN'):
            continue
        given = dict(zip(_INPUTS, node.input, strict=False))
        inputs = {k: arrays.get(given.get(k)) for k in ('W', 'R', 'B', 'P')}
        attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        texts = {k: v.decode() for k, v in attributes.items() if isinstance(v, bytes)}
        words = [a.decode() for a in attributes.get('activations', ())]
        told = {'activations': words} if words else {}
        nodes.append({'op': node.op_type, **inputs, **attributes, **texts, **told})
    return nodes
