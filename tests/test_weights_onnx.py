"""ONNX's own test data of its recurrent nodes, and nodes from our layers."""

import importlib
from typing import Any

import jax
import numpy as np
import pytest
from conformance.peers import peer

from retrax import layers as tl
from retrax.combinators import ShapeDtype
from retrax.interop import weights

onnx = peer('onnx')

NAMES = ('X', 'W', 'R', 'B', 'sequence_lens', 'initial_h', 'initial_c', 'P')
CASES = [
    (op, case)
    for op in ('GRU', 'LSTM', 'RNN')
    for case in ('defaults', 'initial_bias', 'seq_length', 'batchwise', 'reverse', 'bidirectional')
    if (op, case) != ('LSTM', 'seq_length')  # ONNX has none
] + [('LSTM', 'peepholes')]


def data_of(op: str, case: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, dict, list]:
    """A node, its inputs by name, and the outputs that are expected."""
    module = importlib.import_module(f'onnx.backend.test.case.node.{op.lower()}')
    seen: list[Any] = []
    monkeypatch.setattr(module, 'expect', lambda node, **rest: seen.append((node, rest)))
    getattr(getattr(module, op), f'export_{case}')()
    ((node, rest),) = seen
    names = [kind for kind, given in zip(NAMES, node.input, strict=False) if given]
    return node, dict(zip(names, rest['inputs'], strict=True)), rest['outputs']


def model_of(node: Any, inputs: dict[str, Any]) -> Any:
    """A model with that node, its weights as initialisers."""
    fixed = [
        onnx.numpy_helper.from_array(array, given)
        for kind, given in zip(NAMES, node.input, strict=False)
        if (array := inputs.get(kind)) is not None and kind in ('W', 'R', 'B', 'P')
    ]
    return onnx.helper.make_model(onnx.helper.make_graph([node], 'one', [], [], fixed))


@pytest.mark.parametrize(('op', 'case'), CASES)
def test_its_nodes_give_what_onnx_expects(op, case, monkeypatch):
    node, inputs, expected = data_of(op, case, monkeypatch)
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    batch_first = attributes.get('layout', 0) == 1
    lengths = inputs.get('sequence_lens')
    layer = weights.from_onnx(
        model_of(node, inputs),
        padding=None if lengths is None else 'lengths',
        return_state=True,
    )
    x = inputs['X'] if batch_first else inputs['X'].swapaxes(0, 1)
    y, *lasts = layer(x if lengths is None else (x, lengths))
    n = attributes['hidden_size']
    by_direction = np.asarray(y).reshape(*y.shape[:2], -1, n)
    c, h = (np.stack([last[:, part] for last in lasts]) for part in (slice(n), slice(-n, None)))
    found = {'Y': by_direction if batch_first else by_direction.transpose(1, 2, 0, 3)}
    found |= {k: s.swapaxes(0, 1) if batch_first else s for k, s in {'Y_h': h, 'Y_c': c}.items()}
    named = [kind for kind, given in zip(('Y', 'Y_h', 'Y_c'), node.output, strict=False) if given]
    for kind, wanted in zip(named, expected, strict=True):
        np.testing.assert_allclose(found[kind], wanted, atol=1e-6)


def test_nodes_of_peepholes_come_back(monkeypatch):
    node, inputs, _ = data_of('LSTM', 'peepholes', monkeypatch)
    layer = weights.from_onnx(model_of(node, inputs))
    assert isinstance(layer.cell, tl.PeepholeLSTMCell)
    (made,) = weights.to_onnx(layer)
    for name in ('W', 'R', 'B', 'P'):
        np.testing.assert_array_equal(made[name], inputs[name])


def test_what_our_cells_do_not_have_is_refused():
    node = {'op': 'LSTM', 'clip': 0.5, 'W': np.ones((1, 8, 3)), 'R': np.ones((1, 8, 2))}
    with pytest.raises(ValueError, match=r'onnx.LSTM: clip: expected none, got some'):
        weights.from_onnx(node)


@pytest.mark.parametrize('reset', ['before', 'after'])
def test_nodes_of_our_layers_give_the_same_in_onnx(reset):
    def cell():
        options = {'recurrent_bias': reset == 'after', 'update': 'keeps_new'}
        normal = lambda shape, key: 0.5 * jax.random.normal(key, shape)  # noqa: E731
        return tl.GRUCell(4, 0.0, normal, normal, reset=reset, **options)

    layer = tl.Bidirectional(tl.Recurrent(cell()))
    layer.init(ShapeDtype((2, 5, 3), np.float32), rng=0)
    (node,) = weights.to_onnx(layer)
    arrays = {k: node.pop(k) for k in ('W', 'R', 'B')}
    make = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(node.pop('op'), ['X', *arrays], ['Y', 'Y_h'], **node)],
        'both',
        [make(name, onnx.TensorProto.FLOAT, None) for name in ('X', *arrays)],
        [make('Y', onnx.TensorProto.FLOAT, None)],
    )
    evaluator = peer('onnx.reference').ReferenceEvaluator(onnx.helper.make_model(graph))
    x = np.random.RandomState(0).randn(2, 5, 3).astype(np.float32)
    (y,) = evaluator.run(None, {'X': x.swapaxes(0, 1), **arrays})
    np.testing.assert_allclose(layer(x), y.transpose(2, 0, 1, 3).reshape(2, 5, 8), atol=1e-6)
