"""Recurrent: what a sequence may ask for, the conventions of GRUs, and what goes wrong."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from registry import LeakyCell, make_loud
from tolerances import assert_close, assert_equal

from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(3, 7, 4)).astype(np.float32)
LENGTHS = np.array([7, 4, 0], np.int32)
VALID = np.arange(7)[None] < LENGTHS[:, None]


def ready(layer: tl.Layer, inputs: Any = X) -> tl.Layer:
    layer.init(tl.signature(inputs))
    return make_loud(layer)


def twin(layer: tl.Layer, other: tl.Layer) -> tl.Layer:
    """The other layer with the weights of the first."""
    other.weights = layer.weights
    return other


def sigmoid(x: Any) -> Any:
    return 1 / (1 + np.exp(-x))


# Padding.


@pytest.mark.parametrize('reverse', [False, True])
def test_rows_with_lengths_are_as_if_they_were_alone(reverse: bool) -> None:
    layer = tl.Recurrent(tl.GRUCell(5), padding='lengths', reverse=reverse, return_state=True)
    y, last = ready(layer, (X, LENGTHS))((X, LENGTHS))
    alone = twin(layer, tl.Recurrent(tl.GRUCell(5), reverse=reverse, return_state=True))
    for row, n in enumerate(LENGTHS):
        if n == 0:
            assert_equal(last[row], np.zeros(5, np.float32))
            continue
        y_alone, last_alone = alone(X[row : row + 1, :n])
        assert_close(y[row, :n], y_alone[0])
        assert_close(last[row], last_alone[0])


def test_the_state_is_held_so_the_last_output_is_the_last_valid_one() -> None:
    layer = ready(tl.Recurrent(tl.GRUCell(5), padding='lengths'), (X, LENGTHS))
    y = layer((X, LENGTHS))
    assert_equal(y[1, 4:], jnp.broadcast_to(y[1, 3], (3, 5)))
    assert_equal(y[2], np.zeros((7, 5), np.float32))


@pytest.mark.parametrize('reverse', [False, True])
def test_what_is_in_the_padding_does_not_matter(reverse: bool) -> None:
    mask = RANDOM.random((3, 7)) < 0.6  # on any side, and inside
    layer = tl.Recurrent(tl.LSTMCell(5), padding='mask', reverse=reverse)
    ready(layer, (X, mask))
    other = np.where(mask[..., None], X, 99).astype(np.float32)
    assert_equal(layer((X, mask)), layer((other, mask)))
    packed = [ready(tl.Recurrent(tl.LSTMCell(5), reverse=reverse)), None]
    packed = twin(layer, packed[0])
    for row in range(3):
        short = packed(X[row : row + 1, mask[row]])
        assert_close(layer((X, mask))[row][mask[row]], short[0])


def test_not_even_nan_in_the_padding_matters() -> None:
    mask = X[..., 0] > -0.5
    layer = ready(tl.Recurrent(tl.GRUCell(5), 'eval', padding='mask', zoneout=0.2), (X, mask))
    other = np.where(mask[..., None], X, np.nan).astype(np.float32)

    @jax.jit
    def outputs_and_gradients(x: Any) -> Any:
        def total(weights: Any) -> Any:
            y, _ = layer.pure_fn((x, mask), weights, (), None)
            return jnp.sum(y * y), y

        return jax.value_and_grad(total, has_aux=True)(layer.weights)

    assert_equal(outputs_and_gradients(X), outputs_and_gradients(other))


def test_bidirectional_respects_lengths() -> None:
    layer = ready(tl.Bidirectional(tl.Recurrent(tl.GRUCell(5), padding='lengths')), (X, LENGTHS))
    y = layer((X, LENGTHS))
    other = np.where(VALID[..., None], X, 99).astype(np.float32)
    assert_equal(y, layer((other, LENGTHS)))
    alone = ready(tl.Bidirectional(tl.Recurrent(tl.GRUCell(5))))
    alone.weights = layer.weights
    assert_close(y[1:2, :4], alone(X[1:2, :4]))


# Beginnings.


def test_resets_begin_the_sequence_anew() -> None:
    flags = np.zeros((3, 7), bool)
    flags[:, 3] = True
    layer = ready(tl.Recurrent(tl.GRUCell(5), resets=True), (X, flags))
    alone = twin(layer, tl.Recurrent(tl.GRUCell(5)))
    expected = np.concatenate([alone(X[:, :3]), alone(X[:, 3:])], 1)
    assert_close(layer((X, flags)), expected)


@pytest.mark.parametrize('cell', [tl.GRUCell, tl.MinGRUCell])
def test_from_both_ends_nothing_goes_from_one_document_to_the_next(cell: Any) -> None:
    flags = np.zeros((3, 7), bool)
    flags[0, 3] = flags[1, 2] = flags[1, 6] = True
    layer = ready(tl.Bidirectional(tl.Recurrent(cell(5), resets=True)), (X, flags))
    alone = twin(layer, tl.Bidirectional(tl.Recurrent(cell(5))))
    y = layer((X, flags))
    for row, ends in enumerate([[0, 3, 7], [0, 2, 6, 7], [0, 7]]):
        for first, end in itertools.pairwise(ends):
            assert_close(y[row, first:end], alone(X[row : row + 1, first:end])[0])


def test_the_initial_state_is_learned() -> None:
    layer = tl.Recurrent(tl.GRUCell(5), initial_state='learned')
    weights, _ = layer.init(tl.signature(X))
    assert_equal(weights.initial, np.zeros(5, np.float32))
    ready(layer)
    given = tl.Recurrent(tl.GRUCell(5), initial_state=np.asarray(layer.weights.initial))
    given.weights = layer.weights.cell
    assert_close(layer(X), given(X))

    def total(weights: Any) -> Any:
        return layer.pure_fn(X, weights, (), None)[0].sum()

    assert np.abs(jax.grad(total)(layer.weights).initial).min() > 0


def test_a_learned_initial_state_is_for_the_beginning_only() -> None:
    layer = ready(tl.Recurrent(tl.GRUCell(5), initial_state='learned'))
    predict = layer.as_mode('predict')
    steps = [predict(X[:, t : t + 1]) for t in range(7)]
    assert_close(np.concatenate(steps, 1), layer.as_mode('eval')(X))


def test_one_cell_in_two_layers_is_one_copy_of_weights() -> None:
    cell = tl.GRUCell(4)
    model = tl.Serial(tl.Recurrent(cell), tl.Recurrent(cell, reverse=True))
    weights, _ = model.init(tl.signature(X))
    assert weights[1] is tl.SHARED
    assert len(model.named_weights()) == 4


# Regularisation.


def test_recurrent_dropout_drops_the_same_units_at_all_steps() -> None:
    """With reset='after' and gates that let all through, h' = x w + h u: drops can be read off."""

    class Sum(tl.RecurrentCell):
        def maps(self):
            return {'sum': tl.Map(self.n_units, bias=False)}

        def step(self, state, affine):
            return affine('sum', state)

    layer = tl.Recurrent(Sum(4), recurrent_dropout=0.5)
    layer.init(tl.signature(X))
    layer.weights = type(layer.weights)(np.concatenate([np.zeros((4, 4)), np.eye(4)]).astype('f'))
    start = np.ones((3, 4), np.float32)
    given = tl.Recurrent(Sum(4), initial_state='stack', recurrent_dropout=0.5)
    given.weights = layer.weights
    y = given((X, start), rng=jax.random.key(3))
    kept = y[:, 0] > 0
    assert 0 < kept.sum() < kept.size
    for t in range(7):
        assert_close(y[:, t], np.where(kept, 2.0 ** (t + 1), 0))
    assert_close(given.as_mode('eval')((X, start)), np.ones((3, 7, 4)))


def test_zoneout_keeps_old_values_in_training_and_their_mean_in_eval() -> None:
    layer = ready(tl.Recurrent(tl.LSTMCell(64), zoneout=0.3))
    whole = twin(layer, tl.Recurrent(tl.LSTMCell(64)))
    first = whole(X[:, :1])
    y = layer(X[:, :1], rng=jax.random.key(0))
    kept = np.asarray(y == 0)  # the state before was 0
    assert 0.2 < kept.mean() < 0.4
    assert_close(np.where(kept, 0, first), y)
    assert_close(layer.as_mode('eval')(X[:, :1]), 0.7 * first)


# Conventions.


def gru_step(x: Any, h: Any, cell: tl.GRUCell, after: bool, keeps_new: bool) -> Any:
    weights = [np.asarray(w, np.float64) for w in cell.weights]
    gates = sigmoid(np.concatenate([x, h], -1) @ weights[0] + weights[1])
    u, r = np.split(gates, 2, -1)
    if after:
        bias = weights[5] if len(weights) > 5 else 0
        c = np.tanh(x @ weights[2] + weights[3] + r * (h @ weights[4] + bias))
    else:
        c = np.tanh(np.concatenate([x, r * h], -1) @ weights[2] + weights[3])
    return (1 - u) * h + u * c if keeps_new else u * h + (1 - u) * c


@pytest.mark.parametrize('update', ['keeps_old', 'keeps_new'])
@pytest.mark.parametrize(
    ('reset', 'recurrent_bias'), [('before', False), ('after', False), ('after', True)]
)
def test_conventions_of_a_gru(reset: Any, recurrent_bias: bool, update: Any) -> None:
    x, h = X[:, 0], RANDOM.normal(size=(3, 5)).astype(np.float32)
    cell = ready(tl.GRUCell(5, reset=reset, update=update, recurrent_bias=recurrent_bias), (x, h))
    expected = gru_step(x, h, cell, reset == 'after', update == 'keeps_new')
    assert_close(cell((x, h))[0], expected)


@pytest.mark.parametrize('reset', ['before', 'after'])
def test_with_reset_1_and_update_0_a_gru_is_the_plain_rnn(reset: Any) -> None:
    gru = ready(tl.Recurrent(tl.GRUCell(5, reset=reset, update_gate=0.0, reset_gate=1.0)))
    w = gru.weights
    rnn = tl.RNN(5)
    rnn.weights = tl.RNNWeights(jnp.concatenate([w[0], w[2]]) if reset == 'after' else w[0], w[1])
    assert_close(gru(X), rnn(X))


def test_a_gate_that_is_1_copies_the_state() -> None:
    layer = ready(
        tl.Recurrent(tl.GRUCell(5, update_gate=1.0), initial_state='stack'),
        (X, X[:, 0, :1].repeat(5, 1)),
    )
    start = X[:, 0, :1].repeat(5, 1)
    assert_equal(layer((X, start)), np.broadcast_to(start[:, None], (3, 7, 5)))


def test_a_given_gate_has_no_weights() -> None:
    sizes = {}
    for given in (
        {},
        {'reset_gate': 1.0},
        {'update_gate': 0.5},
        {'reset_gate': 1.0, 'update_gate': 0.0},
    ):
        layer = tl.Recurrent(tl.GRUCell(5, **given))
        layer.init(tl.signature(X))
        sizes[len(given), *given] = sum(w.size for w in jax.tree.leaves(layer.weights))
    gate = (4 + 5) * 5 + 5
    assert sorted(sizes.values()) == [gate, 2 * gate, 2 * gate, 3 * gate]


def test_recurrent_weights_are_orthogonal_gate_by_gate() -> None:
    cell = tl.LSTMCell(5, recurrent_initializer=tl.OrthogonalInitializer())
    layer = tl.Recurrent(cell)
    layer.init(tl.signature(X))
    rows = np.asarray(layer.weights.w)[4:]
    for gate in np.split(rows, 4, -1):
        np.testing.assert_allclose(gate @ gate.T, np.eye(5), atol=1e-5)
    assert len({gate.tobytes() for gate in np.split(rows, 4, -1)}) == 4


# A user's own cell.


def test_a_users_cell_is_its_formula() -> None:
    layer = ready(tl.Recurrent(LeakyCell(3)))
    w = {k: np.asarray(v, np.float64) for k, v in layer.weights._asdict().items()}
    slow, h, expected = np.zeros((3, 2)), np.zeros((3, 3)), []
    for t in range(7):
        x = X[:, t].astype(np.float64)
        u = sigmoid(np.concatenate([x, h], -1) @ w['leak_kernel'] + w['leak_bias'])
        c = np.sin(np.concatenate([x, slow], -1) @ w['candidate_kernel'] + w['candidate_bias'])
        slow, h = 0.5 * (slow + h @ w['own_kernel']), u * h + (1 - u) * c
        expected.append(h)
    assert_close(layer(X), np.stack(expected, 1))


def test_states_of_other_activations_are_refused() -> None:
    tanh, relu = (tl.Serial(tl.RNN(3, activation=f)) for f in (jnp.tanh, jax.nn.relu))
    states = []
    for model in (tanh, relu):
        model.init(tl.signature(X))
        states.append(model.as_mode('predict').new_state(3))
    with pytest.raises(tl.StateError, match='another model'):
        relu.as_mode('predict').pure_fn(X, relu.weights, states[0], None)


# What goes wrong.

F = jnp.float32


@pytest.mark.parametrize(
    ('options', 'inputs', 'text'),
    [
        (
            {'padding': 'lengths'},
            (X, np.array([8, 1, 1])),
            'the lengths: expected numbers from 0 to 7, got 8. It is at [0]',
        ),
        ({'padding': 'lengths'}, (X, np.array([7, -1, 1])), 'got -1. It is at [1]'),
        (
            {'padding': 'lengths'},
            (X, np.array([7.0, 1, 1])),
            'integers of shape (3,), one for each row',
        ),
        ({'padding': 'lengths'}, (X, np.array([7, 1])), 'integers of shape (3,), one for each row'),
        (
            {'padding': 'mask'},
            (X, np.ones((3, 6), bool)),
            'the mask: expected shape (3, 7), as (batch, time), got (3, 6)',
        ),
        (
            {'resets': True},
            (X, np.ones(3, bool)),
            'the reset flags: expected shape (3, 7), as (batch, time), got (3,)',
        ),
        (
            {'initial_state': 'stack'},
            (X, np.ones((3, 4), F)),
            'the initial state: expected shape (3, 5), got (3, 4)',
        ),
        (
            {'initial_state': 'stack'},
            (X, np.ones((3, 5), int)),
            'the initial state: expected floats, got int',
        ),
    ],
)
def test_inputs_that_do_not_fit(options: Any, inputs: Any, text: str) -> None:
    layer = tl.Recurrent(tl.GRUCell(5), mode='eval', **options)
    good = tl.Recurrent(tl.GRUCell(5))
    good.init(tl.signature(X))
    with pytest.raises(tl.LayerError) as caught:
        layer.pure_fn(inputs, good.weights, (), None)
    assert text in str(caught.value)
    assert 'layer Recurrent' in str(caught.value)


@pytest.mark.parametrize(
    ('make', 'text'),
    [
        (lambda: tl.Recurrent(tl.Dense(3)), 'the cell: expected a RecurrentCell'),
        (
            lambda: tl.Recurrent(tl.GRUCell(3), padding='length'),
            "None, 'lengths' or 'mask', got 'length'",
        ),
        (lambda: tl.Recurrent(tl.GRUCell(3), initial_state='zero'), "got 'zero'"),
        (
            lambda: tl.Recurrent(tl.GRUCell(3), initial_state=np.zeros(4)),
            'an array of shape (3,), got (4,)',
        ),
        (lambda: tl.Recurrent(tl.GRUCell(3), zoneout=1.0), 'Recurrent: zoneout must be at least 0'),
        (
            lambda: tl.Recurrent(tl.GRUCell(3), recurrent_dropout=-1),
            'Recurrent: recurrent_dropout must',
        ),
        (
            lambda: tl.GRUCell(3, reset='later'),
            "reset: expected one of ('before', 'after'), got 'later'",
        ),
        (lambda: tl.GRUCell(3, update='keeps'), 'update: expected one of'),
        (lambda: tl.GRUCell(3, recurrent_bias=True), "recurrent_bias: expected reset='after'"),
        (lambda: tl.LSTM(0), 'LSTM: n_units must be a positive int, got 0'),
        (lambda: tl.RNN('8'), "RNN: n_units must be a positive int, got '8'"),
    ],
)
def test_arguments_that_do_not_fit(make: Any, text: str) -> None:
    with pytest.raises(ValueError) as caught:
        make()
    assert text in str(caught.value)


# Scan.


@pytest.mark.parametrize('remat', [False, True])
def test_a_cell_in_scan_runs_as_in_recurrent(remat: bool) -> None:
    start = RANDOM.normal(size=(3, 10)).astype(np.float32)
    layer = tl.Recurrent(tl.LSTMCell(5), initial_state='stack', return_state=True, remat=remat)
    ready(layer, (X, start))
    scan = tl.Scan(tl.LSTMCell(5), axis=1, remat=remat)
    scan.weights = (layer.weights,)

    def loops(model: tl.Layer) -> list[Any]:
        def total(weights: Any) -> Any:
            (y, last), _ = model.pure_fn((X, start), weights, model.state, None)
            return y.sum() + last.sum()

        return str(jax.make_jaxpr(jax.grad(total))(model.weights)).count('scan[')

    scan.init(tl.signature((X, start)))
    scan.weights = (layer.weights,)
    for one, other in zip(scan((X, start)), layer((X, start)), strict=True):
        assert_equal(one, other)
    assert loops(scan) == loops(layer)


def test_a_cell_that_computes_in_its_own_way_is_run_so_by_scan() -> None:
    class Doubled(tl.GRUCell):
        def apply_fn(self, x, weights, state, context):
            (y, h), state = super().apply_fn(x, weights, state, context)
            return (2 * y, h), state

    start = np.zeros((3, 5), np.float32)
    scan = ready(tl.Scan(tl.GRUCell(5), axis=1), (X, start))
    doubled = twin(scan, tl.Scan(Doubled(5), axis=1))
    assert_close(doubled((X, start))[0], 2 * scan((X, start))[0])
