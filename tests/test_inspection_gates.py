"""What the steps of recurrent layers name: seen as it was, and held at numbers."""

from typing import Any

import jax
import numpy as np
import pytest
from registry import make_loud
from small_models import IDS, X, ready, ready_lm

import retrax
from retrax import layers as tl
from retrax.combinators import LayerError
from retrax.inspection import forced, gates, record, recurrent_names

pytestmark = pytest.mark.usefixtures('compiled_quickly')

LENGTHS = np.array([5, 3])


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def loud(layer: tl.Layer, x: Any = X) -> tl.Layer:
    """The layer with weights that matter."""
    layer = ready(layer, x)
    rng = np.random.default_rng(1)
    layer.weights = type(layer.weights)(
        *(np.array(rng.normal(size=w.shape), np.float32) for w in layer.weights)
    )
    return layer


def gru_by_hand(weights: Any, hold: Any = lambda t, u: u) -> dict[str, np.ndarray]:
    """A GRU in float64; `hold` says what the update gate is."""
    w1, b1, w2, b2 = (np.asarray(w, np.float64) for w in weights)
    h, found = np.zeros((len(X), w2.shape[1])), []
    for t in range(X.shape[1]):
        x = X[:, t]
        u, r = np.split(sigmoid(np.concatenate([x, h], 1) @ w1 + b1), 2, axis=1)
        u = hold(t, u)
        c = np.tanh(np.concatenate([x, r * h], 1) @ w2 + b2)
        h = u * h + (1 - u) * c
        found.append((u, r, c, h))
    return {k: np.stack(v, 1) for k, v in zip('urch', zip(*found, strict=True), strict=True)}


def seen(model: tl.Layer, x: Any = X, path: str = '') -> dict[str, np.ndarray]:
    return {name: v.value for name, v in record(model, x).layers[path].items()}


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=2e-6, err_msg=name)


def test_gates_of_a_gru_are_those_of_its_formula() -> None:
    gru = loud(tl.GRU(4))
    assert_same(seen(gru), gru_by_hand(gru.weights))


def test_gates_of_an_lstm_are_those_of_its_formula() -> None:
    lstm = loud(tl.LSTM(4))
    w, b = (np.asarray(a, np.float64) for a in lstm.weights)
    c, h, steps = np.zeros((2, 4)), np.zeros((2, 4)), []
    for t in range(X.shape[1]):
        i, j, f, o = np.split(np.concatenate([X[:, t], h], 1) @ w + b, 4, axis=1)
        i, j, f, o = sigmoid(i), np.tanh(j), sigmoid(f), sigmoid(o)
        c = c * f + i * j
        h = np.tanh(c) * o
        steps.append((i, f, o, j, c, h))
    by_name = zip('ifojch', zip(*steps, strict=True), strict=True)
    assert_same(seen(lstm), {k: np.stack(v, 1) for k, v in by_name})


CELLS = {
    'LSTM': lambda: tl.LSTM(3),
    'RGLRU': lambda: tl.RGLRU(3),
    'SRU': lambda: tl.SRU(3),
    'MinGRU': lambda: tl.MinGRU(3),
    'MinLSTM': lambda: tl.MinLSTM(3),
    'peepholes': lambda: tl.Recurrent(tl.PeepholeLSTMCell(3)),
    'normalised, padded': lambda: tl.Recurrent(
        tl.LayerNormalized(tl.GRUCell(3)), padding='lengths', return_state=True
    ),
    'zoneout, backwards': lambda: tl.Recurrent(tl.LSTMCell(3), zoneout=0.2, reverse=True),
    'given, learned start': lambda: tl.Recurrent(
        tl.GRUCell(3, update_gate=0.25), initial_state='learned', remat=True
    ),
}


@pytest.mark.parametrize('name', CELLS)
def test_who_looks_changes_nothing(name: str) -> None:
    layer = CELLS[name]()
    x = (X, LENGTHS) if layer.n_in == 2 else X
    layer.init(tl.signature(x))
    found = record(layer, x)
    for a, b in zip(_flat(found.outputs), _flat(layer.as_mode('eval')(x)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert set(found.gates()) <= set(recurrent_names(layer)) == set(found.layers['']) - {'output'}
    assert all(v.value.shape == (2, 5, 3) for v in found.layers[''].values())
    assert all(((v > 0) & (v < 1)).all() for v in found.gates().values())


def _flat(outputs):
    return outputs if isinstance(outputs, tuple) else (outputs,)


def test_H9_a_gate_copies_a_step_to_another() -> None:
    gru = loud(tl.GRU(4))
    copies = forced(gru, {'u': 1.0}, steps=[2, 3])
    expected = gru_by_hand(gru.weights, lambda t, u: np.ones_like(u) if t in (2, 3) else u)
    assert_same(seen(copies), expected)
    y = np.asarray(copies.as_mode('eval')(X))
    assert (y[:, 3] == y[:, 1]).all()
    assert (y[:, 4] != y[:, 3]).any()


def test_some_units_are_held() -> None:
    gru = loud(tl.GRU(4))

    def hold(t, u):
        u[:, 2] = 0.5
        return u

    assert_same(seen(forced(gru, {'u': 0.5}, units=[2])), gru_by_hand(gru.weights, hold))


def test_H10_only_one_gate_is_one_argument() -> None:
    held, given = loud(tl.GRU(4)), tl.Recurrent(tl.GRUCell(4, update_gate=0.0))
    ready(given)
    w1, b1, w2, b2 = held.weights
    given.weights = type(given.weights)(w1[:, 4:], b1[4:], w2, b2)
    y, other = (m.as_mode('eval')(X) for m in (forced(held, {'u': 0.0}), given))
    np.testing.assert_allclose(y, other, atol=1e-6)


def test_H11_reset_1_and_update_0_is_the_plain_rnn() -> None:
    gru = loud(tl.GRU(4))
    rnn = ready(tl.RNN(4))
    rnn.weights = type(rnn.weights)(gru.weights.w2, gru.weights.b2)
    plain = forced(gru, {'u': 0.0, 'r': 1.0})
    np.testing.assert_allclose(plain.as_mode('eval')(X), rnn.as_mode('eval')(X), atol=1e-6)


def test_a_state_that_is_held_and_a_state_that_goes_on() -> None:
    lstm = loud(tl.LSTM(3))
    without = forced(lstm, {'h': 0.0}, units=[1])
    assert (np.asarray(without.as_mode('eval')(X))[..., 1] == 0).all()
    one, two = lstm.as_mode('predict'), without.as_mode('predict')
    one(X)
    two.state = one.state  # a state of the model is one of the other
    np.testing.assert_array_equal(two(X[:, :1])[:, 0, 1], [0, 0])


def test_a_model_that_is_forced_generates() -> None:
    model = ready_lm()
    deaf = forced(model, {'GRU#2.u': 1.0})  # keeps its first state, whatever it reads
    one, two = (deaf.as_mode('eval')(ids) for ids in (IDS, IDS + 1))
    np.testing.assert_array_equal(one, two)
    made = retrax.generate(deaf, IDS, max_new_tokens=3, temperature=0.0)
    assert (np.asarray(made) == np.argmax(np.asarray(one)[0, 0])).all()
    np.testing.assert_array_equal(deaf.weights[2].w1, model.weights[2].w1)
    assert (np.asarray(model.as_mode('eval')(IDS)) != np.asarray(one)).any()


def test_gradients_know_what_is_held() -> None:
    model = forced(loud(tl.GRU(4)), {'u': 0.5}, steps=range(5))
    gradient = jax.grad(lambda w: model.pure_fn(X, w, (), None)[0].sum())(model.weights)
    assert (np.asarray(gradient.w1)[:, :4] == 0).all()  # the update gate's columns
    assert (np.asarray(gradient.w1)[:, 4:] != 0).any()


def test_a_cell_of_a_user() -> None:
    class Leaky(tl.RecurrentCell):
        def maps(self):
            return {'leak': tl.Map(self.n_units), 'in': tl.Map(self.n_units, operand=0)}

        def step(self, h, affine):
            u = tl.named_gate('u', affine('leak', h, sigmoid_of))
            return u * h + (1 - u) * affine('in')

    layer = ready(tl.Recurrent(Leaky(3)))
    assert recurrent_names(layer) == ['u']
    y = forced(layer, {'u': 1.0}).as_mode('eval')(X)
    assert (np.asarray(y) == 0).all()


def sigmoid_of(a: Any) -> Any:
    return jax.nn.sigmoid(a)


def test_statistics_unit_by_unit() -> None:
    gru = loud(tl.GRU(4))
    u = gru_by_hand(gru.weights)['u'].reshape(-1, 4)
    found = gates(gru, X)['u']
    for field, expected in zip(
        found, (u.mean(0), u.std(0), (u < 0.1).mean(0), (u > 0.9).mean(0)), strict=True
    ):
        np.testing.assert_allclose(field, expected, atol=1e-6)
    text = str(gates(ready_lm(), IDS))
    assert 'GRU#2.r' in text
    assert 'always shut' in text
    held = gates(forced(gru, {'r': 1.0}), X)
    assert (held['r'].open == 1).all()


@pytest.mark.parametrize(
    ('values', 'more', 'message'),
    [
        ({'GRU#3.u': 1.0}, {}, r'expected a name of Serial: GRU#1\.u, GRU#1\.r.*got .GRU#3\.u.'),
        ({'GRU#1.z': 1.0}, {}, r"got 'GRU#1\.z'"),
        ({'GRU#1.u': 'open'}, {}, "forced: GRU#1.u: expected a finite number, got 'open'"),
        ({'GRU#1.u': float('nan')}, {}, 'expected a finite number, got nan'),
        ({'GRU#1.u': 1.0}, {'units': [6]}, r'whole numbers from 0 to 5, of GRU_6, got \[6\]'),
        ({'GRU#1.u': 1.0}, {'steps': [-1]}, r'steps: expected whole numbers from 0 on'),
    ],
)
def test_what_cannot_be_held(values: Any, more: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        forced(ready_lm(), values, **more)


def test_steps_of_a_sequence_that_goes_on_are_not_known() -> None:
    model = forced(ready_lm(), {'GRU#1.u': 1.0}, steps=[0]).as_mode('predict')
    with pytest.raises(LayerError, match=r"does not know where it is\. Run the model in 'eval'"):
        model(IDS[:, :1])


def test_a_model_without_gates() -> None:
    with pytest.raises(ValueError, match='no recurrent layer that names a gate'):
        gates(tl.Serial(tl.Dense(3)), X)
    with pytest.raises(ValueError, match='none: it has no recurrent layer'):
        forced(tl.Serial(tl.Dense(3)), {'GRU#1.u': 1.0})


def scanned(*cells: tl.Layer, **options: Any) -> tl.Serial:
    """Cells one upon another at each step of a Scan, as in RNNLM."""
    step = tl.Serial(
        tl.Parallel([], tl.Split(len(cells))),
        tl.SerialWithSideOutputs(list(cells)),
        tl.Parallel([], tl.Concatenate(len(cells))),
    )
    zeros = tl.Branch([], tl.MakeZeroState(len(cells)))
    return tl.Serial(zeros, tl.Scan(step, axis=1, **options), tl.Select([0], n_in=2))


@pytest.mark.parametrize('remat', [False, True])
def test_cells_in_a_scan_name_what_layers_name(remat: bool) -> None:
    layers = tl.Serial(tl.GRU(3), tl.GRU(3))
    layers.init(tl.signature(X))
    make_loud(layers)
    cells = scanned(tl.GRUCell(3), tl.GRUCell(3), remat=remat)
    cells.init(tl.signature(X))
    cells.weights = jax.tree.unflatten(
        jax.tree.structure(cells.weights), jax.tree.leaves(layers.weights)
    )
    place = 'Scan#1/Serial#1/Serial#1/GRUCell#'
    of_layer = {path.replace('GRU#', place): v for path, v in record(layers, X).layers.items()}
    found = record(cells, X)
    assert list(found.layers) == list(of_layer)
    for path, named in of_layer.items():
        assert_same(
            {k: v.value for k, v in found.layers[path].items()},
            {k: v.value for k, v in named.items()},
        )
    assert list(gates(cells, X).rows) == [f'{place}{k}.{gate}' for k in (1, 2) for gate in 'ur']
    for held in ({'2.u': 1.0}, {'1.r': 0.25, '2.h': -0.5}):
        of_cells = forced(cells, {place + k: v for k, v in held.items()}).as_mode('eval')(X)
        of_layers = forced(layers, {f'GRU#{k}': v for k, v in held.items()}).as_mode('eval')(X)
        np.testing.assert_allclose(of_cells, of_layers, atol=2e-6)


def test_a_cell_that_a_scan_runs_alone() -> None:
    cell = tl.Serial(tl.Branch([], tl.MakeZeroState(1)), tl.Scan(tl.GRUCell(3), axis=1))
    ready(cell)
    layer = ready(tl.GRU(3))
    layer.weights = type(layer.weights)(*jax.tree.leaves(cell.weights))
    path = 'Scan#1/GRUCell#1'
    assert recurrent_names(cell) == [f'{path}.{name}' for name in 'urch']
    assert_same(seen(cell, path=path), seen(layer))
    deaf = forced(cell, {f'{path}.u': 1.0})
    assert not np.asarray(deaf.as_mode('eval')(X)[0]).any()
    with pytest.raises(ValueError, match=r'Scan#1/GRUCell#1 runs one step at a time'):
        forced(cell, {f'{path}.u': 1.0}, steps=[1])
