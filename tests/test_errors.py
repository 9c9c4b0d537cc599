"""What errors say: who, expected, got, what to do; and that a failure loses nothing."""

import inspect
import re
import traceback
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from registry import make_loud
from tolerances import assert_equal

from retrax import layers as tl
from retrax import models

pytestmark = pytest.mark.usefixtures('compiled_quickly')

X = np.ones((2, 5, 3), np.float32)
IDS = np.array([[3, 1, 4, 1, 5], [2, 7, 1, 8, 2]], np.int32)


def sig(*shape: Any, dtype: Any = np.float32) -> tl.ShapeDtype:
    return tl.ShapeDtype(shape, dtype)


def ready_lm(d: int = 6, n_layers: int = 2) -> tl.Serial:
    model = models.GRULM(11, d, n_layers)
    model.init(tl.signature(IDS))
    return make_loud(model)


def here() -> int:
    """The line from which it is called."""
    return inspect.currentframe().f_back.f_lineno


def message(error: type[Exception], run: Callable[[], Any]) -> str:
    with pytest.raises(error) as info:
        run()
    return str(info.value)


# ------------------------------------------------------------------------------------------- modes


@pytest.mark.parametrize(
    'make',
    [
        lambda mode: tl.GRU(4, mode=mode),
        lambda mode: tl.ShiftRight(mode=mode),
        lambda mode: tl.Dropout(0.1, mode=mode),
        lambda mode: tl.Scan(tl.GRUCell(4), mode=mode),
        lambda mode: tl.GRU(4).as_mode(mode),
        lambda mode: tl.InMode(tl.GRU(4), predict=mode),
        lambda mode: models.GRULM(11, 6, 1, mode=mode),
    ],
)
def test_unknown_mode(make: Callable[[str], Any]) -> None:
    text = message(tl.ModeError, lambda: make('Predict'))
    assert "mode must be 'train', 'eval' or 'predict', got 'Predict'." in text
    assert "Did you mean 'predict'?" in text
    assert 'Did you mean' not in message(tl.ModeError, lambda: make('decode'))


def test_train_beside_another_mode_names_both_layers_and_lines() -> None:
    gru, line = tl.GRU(4, mode='train'), here()
    shift = tl.ShiftRight(mode='predict')
    text = message(tl.ModeError, lambda: tl.Serial(shift, tl.Embedding(9, 4), [gru]))
    assert f"GRU_4 (created at {__file__}:{line}) was told 'train'" in text
    assert f"ShiftRight(1) (created at {__file__}:{line + 1}) was told 'predict'" in text
    assert 'model.as_mode(...)' in text


@pytest.mark.parametrize('wrap', [tl.Serial, tl.Residual, lambda a: tl.Branch(a, None)])
def test_train_beside_another_mode_is_found_at_any_depth(wrap: Callable[..., Any]) -> None:
    with pytest.raises(tl.ModeError):
        tl.Serial(wrap(tl.GRU(4, mode='train')), tl.Serial(tl.GRU(4, mode='eval')))
    tl.Serial(wrap(tl.GRU(4, mode='predict')), tl.Serial(tl.GRU(4, mode='eval')))


# ---------------------------------------------------------------------------------- wrong inputs

WRONG_INPUTS = [
    (
        lambda: tl.GRU(4),
        sig(2, 3),
        'the input: expected floats of shape (batch, time, features), got float32[2,3]. '
        'Add the batch axis: x[None].',
    ),
    (
        lambda: tl.GRU(4),
        sig(2, 5, 3, dtype=np.int32),
        'got int32[2,5,3]. Put an Embedding before it',
    ),
    (lambda: tl.Embedding(11, 6), sig(2, 3), 'ids: expected integers, got float32.'),
    (lambda: tl.ShiftRight(), sig(3), 'expected (batch, time, ...), got shape (3,).'),
    (lambda: tl.Dense(4), sig(), 'expected an array with a last axis of features'),
    (
        lambda: tl.Concatenate(),
        (sig(2, 3), sig(3, 3)),
        'expected shapes that differ at axis -1 only, got (2, 3), (3, 3)',
    ),
    (lambda: tl.Concatenate(axis=0), (sig(2, 3), sig(2, 4)), 'differ at axis 0 only'),
    (lambda: tl.Concatenate(), (sig(2, 3), sig(3)), 'got (2, 3), (3,)'),
    (
        lambda: tl.CrossEntropyLoss(),
        (sig(2, 4), sig(3, dtype=np.int32), sig(3)),
        'the shape of targets',
    ),
    (
        lambda: tl.CrossEntropyLoss(),
        (sig(3, 3, 4), sig(3, 3, dtype=np.int32), sig(2)),
        'the shape of weights: expected (3, 3), got (2,)',
    ),
    (
        lambda: tl.CrossEntropyLoss(),
        (sig(3, 3, 4), sig(3, 3, dtype=np.int32), sig(3, 3, 1)),
        'the shape of weights: expected (3, 3), got (3, 3, 1)',
    ),
    (lambda: tl.Scan(tl.GRUCell(4), axis=1), (sig(2), sig(2, 4)), 'expected inputs with an axis 1'),
    (
        lambda: tl.GRUCell(4),
        (sig(2, 3), sig(2, 5)),
        'the last axis of the state: expected 4, got 5',
    ),
    (
        lambda: tl.LSTMCell(4),
        (sig(2, 3), sig(2, 4)),
        'the last axis of the state: expected 8, got 4',
    ),
    (
        lambda: tl.LSTM(4, initial_state=True),
        (sig(2, 5, 3), sig(2, 4)),
        'the initial state: expected shape (2, 8), got (2, 4)',
    ),
    (
        lambda: tl.LSTM(4, initial_state=True),
        (sig(2, 5, 3), sig(1, 8)),
        'the initial state: expected shape (2, 8), got (1, 8)',
    ),
    (lambda: tl.MakeZeroState(), sig(2, 3), 'expected the shape (batch, time, features), got (2'),
]


def numbers(signature: Any) -> Any:
    return jax.tree.map(lambda s: np.zeros(s.shape, s.dtype), signature)


@pytest.mark.parametrize(('make', 'inputs', 'text'), WRONG_INPUTS)
@pytest.mark.parametrize('at', ['init', 'call'])
@pytest.mark.parametrize('inside', [False, True])
def test_wrong_inputs(make: Any, inputs: Any, text: str, at: str, inside: bool) -> None:
    layer = make()
    model = tl.Serial(layer) if inside else layer
    run = (lambda: model.init(inputs)) if at == 'init' else (lambda: model(numbers(inputs)))
    said = message(tl.LayerError, run)
    assert text in said
    assert layer.name in said
    assert re.search(r'created at: \S+test_errors\.py:\d+', said)
    assert inside or f'inputs: {printed(inputs)}' in said


def printed(inputs: Any) -> str:
    if isinstance(inputs, tuple):
        return '(' + ', '.join(map(repr, inputs)) + ')'
    return repr(inputs)


@pytest.mark.parametrize('at', ['init', 'call'])
@pytest.mark.parametrize(
    ('make', 'n', 'text'),
    [
        (tl.Add, 3, 'expected 2 inputs, got 3'),
        (lambda: tl.Dense(3), 2, 'This layer takes one array and was given 2 in a tuple or list'),
        (lambda: tl.Parallel(tl.Dense(3), tl.Dense(3)), 3, 'expected 2 inputs, got 3'),
        (lambda: tl.Select([1, 0]), 1, 'expected 2 inputs, got 1'),
    ],
)
def test_another_number_of_inputs(make: Any, n: int, text: str, at: str) -> None:
    """Of a layer that stands alone; Serial passes what it does not take through."""
    layer, inputs = make(), (sig(2, 3),) * n
    run = (lambda: layer.init(inputs)) if at == 'init' else (lambda: layer(numbers(inputs)))
    assert text in message(tl.LayerError, run)


def test_one_array_where_a_tuple_belongs() -> None:
    layer = tl.Add()
    for run in (lambda: layer.init(sig(2, 3)), lambda: layer(X)):
        said = message(tl.LayerError, run)
        assert said.endswith('This layer takes a tuple of 2 arrays and was given one array.')


@pytest.mark.parametrize(
    ('make', 'good', 'bad', 'text'),
    [
        (lambda: tl.Dense(4), sig(2, 3), sig(2, 5), "input's last axis: expected 3, got 5"),
        (lambda: tl.GRU(4), sig(2, 5, 3), sig(2, 5, 7), "input's last axis: expected 3, got 7"),
        (lambda: tl.GRU(4), sig(2, 5, 3), sig(2, 3), 'expected floats of shape (batch, time, f'),
        (
            lambda: tl.GRUCell(4),
            (sig(2, 3), sig(2, 4)),
            (sig(2, 9), sig(2, 4)),
            "input's last axis: expected 3, got 9",
        ),
        (
            lambda: tl.Embedding(11, 6),
            sig(2, 3, dtype=np.int32),
            sig(2, 3),
            'ids: expected integers, got float32',
        ),
    ],
)
def test_wrong_inputs_after_init(make: Any, good: Any, bad: Any, text: str) -> None:
    layer = make()
    layer.init(good)
    assert text in message(tl.LayerError, lambda: layer(numbers(bad)))
    assert layer(numbers(good)) is not None


def test_the_innermost_layer_is_named_with_its_path_line_and_cause() -> None:
    gru, line = tl.GRU(4), here()
    block = tl.Serial(tl.Dense(3), gru, name='Block')
    model = tl.Serial(tl.Dense(3), tl.Residual(block, tl.Dense(3)))
    with pytest.raises(tl.LayerError) as info:
        model.init(sig(2, 3))
    lines = str(info.value).splitlines()
    path = 'Serial#1/Branch#1/Parallel#1/Serial#2/Block#1/GRU#1'
    assert lines[0] == f'initialising layer GRU_4 at {path} failed'
    assert lines[1] == f'  created at: {__file__}:{line}'
    assert lines[2] == '  inputs: float32[2,3]'
    assert lines[-1].startswith('  ValueError: the input: expected floats of shape')
    assert isinstance(info.value.__cause__, ValueError)
    assert info.value.path == path


def test_the_users_own_exception_is_chained() -> None:
    class Broken(tl.Layer):
        def forward(self, x: Any) -> Any:
            raise KeyError('my own words')

    layer, line = Broken(), here()
    with pytest.raises(tl.LayerError) as info:
        tl.Serial(tl.Dense(3), layer)(X)
    assert isinstance(info.value.__cause__, KeyError)
    assert "KeyError: 'my own words'" in str(info.value)
    assert f'created at: {__file__}:{line}' in str(info.value)


def test_the_line_of_a_layer_made_by_a_function_of_retrax_is_the_users() -> None:
    model, line = models.GRULM(11, 6, 1), here()
    said = message(tl.LayerError, lambda: model.init(sig(2, 3)))
    assert f'created at: {__file__}:{line}' in said


# ------------------------------------------------------------------------------------- the stack


def test_underflow_draws_the_stack() -> None:
    concatenate, line = tl.Concatenate(3), here()
    model = tl.Serial(tl.Dense(3), tl.Branch(tl.Dense(2), None), concatenate)
    said = message(tl.LayerError, lambda: model.init(sig(2, 4)))
    assert said == (
        'initialising layer Concatenate_in3 at Concatenate#1 failed\n'
        f'  created at: {__file__}:{line}\n'
        '  inputs: (float32[2,2], float32[2,3])\n'
        '  stack, top first:\n'
        '    0: float32[2,2]  <- taken\n'
        '    1: float32[2,3]  <- taken\n'
        '    2: nothing  <- wanted\n'
        '  ValueError: expected 3 items on the stack, got 2. Dup, Select or Branch before it can '
        'put more there.'
    )


def test_underflow_in_a_call_draws_the_stack() -> None:
    model = tl.Serial(tl.Dense(3), tl.Add())
    model.init((sig(2, 3), sig(2, 3)))
    said = message(tl.LayerError, lambda: model(np.ones((2, 3), np.float32)))
    assert 'running layer Add_in2 at Add#1 failed' in said
    assert '  stack, top first:\n    0: float32[2,3]  <- taken\n    1: nothing  <- wanted' in said


def test_an_error_above_other_items_draws_the_stack() -> None:
    model = tl.Serial(tl.Dup(), tl.GRU(3))
    said = message(tl.LayerError, lambda: model.init(sig(2, 4)))
    assert '  stack, top first:\n    0: float32[2,4]  <- taken\n    1: float32[2,4]\n' in said


def test_outputs_that_were_promised() -> None:
    layer = tl.Fn('Two', lambda x: x, n_out=2)
    said = message(tl.LayerError, lambda: tl.Serial(layer)(X))
    assert 'this layer promised 2 outputs, returned one' in said


@pytest.mark.parametrize(
    ('make', 'part'),
    [
        (lambda: tl.Branch(tl.Add(), tl.Dense(3)), 'Add within it takes 2.'),
        (lambda: tl.Branch([tl.Add(), tl.Dense(3)], None), 'Add within it takes 2.'),
        (lambda: tl.Branch(tl.Fn('F', lambda a, b: a), None), 'F within it takes 2.'),
    ],
)
@pytest.mark.parametrize('inside', [False, True])
def test_the_part_of_a_branch_that_takes_too_much_is_named(
    make: Any, part: str, inside: bool
) -> None:
    model = tl.Serial(make()) if inside else make()
    said = message(tl.LayerError, lambda: model.init(sig(2, 3)))
    assert said.startswith('initialising layer Branch_in2_out2' + ' at Branch#1' * inside)
    assert '    1: nothing  <- wanted\n' in said
    assert 'expected 2 items on the stack, got 1. Dup, Select or Branch before it' in said
    assert said.endswith('\n  ' + part)


def test_outputs_that_were_promised_are_missed_by_init_too() -> None:
    layer = tl.Fn('Two', lambda x: x, n_out=2)
    said = message(tl.LayerError, lambda: tl.Serial(layer).init(sig(2, 3)))
    assert 'this layer promised 2 outputs, returned one array' in said


# ---------------------------------------------------------------------------- other kinds of input


@pytest.mark.parametrize(
    ('x', 'text'),
    [
        ([[1, 2], [3, 4]], 'was given 2 in a tuple or list. If they are rows of one array, write'),
        ((IDS, IDS), 'was given 2 in a tuple or list'),
        ({'ids': IDS}, 'takes one array and was given a dict'),
        (None, 'takes one array and was given None'),
        ('hello', 'takes an array of numbers and was given text'),
    ],
)
@pytest.mark.parametrize('make', [lambda: tl.ShiftRight(), lambda: tl.Embedding(11, 6)])
def test_inputs_that_are_no_array(x: Any, text: str, make: Any) -> None:
    layer = make()
    layer.init(tl.signature(IDS))
    said = message(tl.LayerError, lambda: layer(x))
    assert text in said
    assert "has no attribute 'shape'" not in said


@pytest.mark.parametrize('sizes', [(2, 3), [2, 3], ('b', 't'), (None, 3)])
def test_sizes_in_place_of_a_signature(sizes: Any) -> None:
    for run in (models.GRULM(11, 6, 1).init, models.GRULM(11, 6, 1).output_signature):
        said = message(ValueError, lambda run=run: run(sizes))
        assert f'got the sizes {sizes}; write ShapeDtype({sizes}, np.int32)' in said


# ------------------------------------------------------------------------------------ tracebacks


@pytest.mark.parametrize('at', ['init', 'call'])
def test_tracebacks_are_short(at: str) -> None:
    """However deep the model is: the user's lines and where it was raised."""

    def forward(x: Any) -> Any:
        return x + np.ones((7, 7))

    model: tl.Layer = tl.Fn('Adds', forward)
    for _ in range(20):
        model = tl.Serial(tl.Residual(model))
    with pytest.raises(tl.LayerError) as info:
        model.init(sig(2, 3)) if at == 'init' else model(np.ones((2, 3), np.float32))
    cause = info.value.__cause__
    assert next(f.name for f in traceback.extract_tb(cause.__traceback__)) == 'forward'
    assert len(traceback.extract_tb(cause.__traceback__)) == 2
    ours = [f for f in traceback.extract_tb(info.value.__traceback__) if 'retrax' in f.filename]
    assert len(ours) < 10


# ----------------------------------------------------------------------- things that are no layers


@pytest.mark.parametrize(
    'combine',
    [
        tl.Serial,
        lambda x: tl.Parallel(x, tl.Dense(3)),
        lambda x: tl.Branch(x, tl.Dense(3)),
        tl.Branch,
        tl.Residual,
        lambda x: tl.Serial([tl.Dense(3), [x]]),
    ],
)
@pytest.mark.parametrize(
    ('thing', 'text'),
    [
        (tl.GRU, 'got the class GRU; write GRU(...) to make a layer'),
        (tl.LogSoftmax, 'got the function LogSoftmax; call it, if it returns a layer, or wrap it'),
        (jnp.tanh, 'tanh; call it'),
        ({'a': tl.Dense(3)}, 'got a dict; pass its layers one by one'),
        (3, 'got 3 of type int'),
        ('Dense', "got 'Dense' of type str"),
    ],
)
def test_not_a_layer(combine: Any, thing: Any, text: str) -> None:
    said = message(ValueError, lambda: combine(thing))
    assert 'is not a layer' in said
    assert text in said


@pytest.mark.parametrize(
    ('make', 'text'),
    [
        (lambda: tl.Parallel(), 'Parallel: expected at least two layers, got 0'),
        (lambda: tl.Parallel(tl.Dense(3)), 'Parallel: expected at least two layers, got 1'),
        (lambda: tl.Parallel(tl.Dense(3), tl.Select([], n_in=0)), 'takes no input'),
        (lambda: tl.Branch(), 'Branch: expected at least'),
        (lambda: tl.Residual(), 'Residual: expected at least one layer'),
        (lambda: tl.Residual(tl.Dup()), 'Residual: Dup gives 2 outputs'),
        (lambda: tl.Residual(tl.Dense(3), shortcut=tl.Dup()), 'Residual: Dup gives 2 outputs'),
        (lambda: tl.Select([0, -1]), r'Select([0, -1]): expected indices from 0 to'),
        (lambda: tl.Select([2], n_in=2), 'expected indices from 0 to 1'),
        (lambda: tl.Scan(tl.Dense(3), n_carry=2), 'Scan: n_carry is 2, but Dense_3 takes 1'),
        (lambda: tl.Fn('F', lambda x, y=1: x), 'has default arguments (not allowed)'),
        (lambda: tl.Fn('F', lambda *x: x), 'has variable arguments (not allowed)'),
        (lambda: tl.Fn('F', lambda **x: x), 'has keyword arguments (not allowed)'),
        (lambda: tl.Fn('F', tl.Dense(3)), 'expected a function, got Dense'),
        (lambda: tl.Dense('512'), "Dense: n_units must be a positive int, got '512'. Write 512"),
        (lambda: models.GRULM(vocab_size='11'), "positive int, got '11'. Write 11"),
        (lambda: tl.Dropout('0.1'), "less than 1, got '0.1'"),
        (lambda: tl.Scan(tl.GRUCell), 'Scan: item 0 is not a layer: got the class GRUCell; write'),
        (lambda: tl.InMode(tl.GRU), 'InMode: item 0 is not a layer: got the class GRU; write'),
        (lambda: tl.Serial({tl.Dense(3)}), 'got a set; pass its layers one by one'),
        (lambda: tl.Serial(tl.Dense(3) for _ in 'ab'), 'got a generator; pass its layers one by'),
        (lambda: tl.Dense(0), 'Dense: n_units must be a positive int, got 0'),
        (lambda: tl.Dense(2.5), 'got 2.5'),
        (lambda: tl.GRU(-1), 'GRU: n_units must be a positive int, got -1'),
        (lambda: tl.GRUCell(True), 'GRUCell: n_units must be a positive int, got True'),
        (lambda: tl.Embedding(0, 3), 'Embedding: vocab_size must be a positive int'),
        (lambda: tl.Embedding(3, '4'), "Embedding: d_feature must be a positive int, got '4'"),
        (lambda: tl.ShiftRight(0), 'ShiftRight: n_positions must be a positive int'),
        (lambda: tl.Dropout(1), 'Dropout: rate must be at least 0 and less than 1, got 1'),
        (lambda: tl.ScaledInitializer(scale=0), 'scale must be positive'),
        (lambda: tl.ScaledInitializer(mode='fan'), "'fan_avg', got 'fan'"),
        (lambda: tl.ScaledInitializer(distribution='n'), "'truncated_normal', got 'n'"),
    ],
)
def test_misuse(make: Any, text: str) -> None:
    assert text in message(ValueError, make)


# -------------------------------------------------------------- states and weights of other models


def predicting(model: tl.Layer) -> tl.Layer:
    view = model.as_mode('predict')
    view(IDS)
    return view


def hand_over(model: tl.Layer, state: Any, how: str) -> Any:
    if how == 'set':
        model.state = state
    elif how == 'call':
        return model(IDS, state=state)
    return model.pure_fn(IDS, model.weights, state, None)


hows = pytest.mark.parametrize('how', ['set', 'call', 'pure_fn'])


@hows
def test_state_of_another_model_is_refused_even_where_shapes_agree(how: str) -> None:
    model = predicting(tl.Serial(tl.Embedding(11, 6), tl.GRU(6)))
    other = predicting(tl.Serial(tl.Embedding(11, 6), tl.GRU(6), tl.Dense(2)))
    state = (*other.state[:2],)
    before = model.state
    said = message(tl.StateError, lambda: hand_over(model, state, how))
    assert 'GRU#1' in said
    assert 'another model' in said
    assert 'new_state' in said
    assert_equal(model.state, before)


@hows
def test_state_of_another_position_is_refused_even_where_shapes_agree(how: str) -> None:
    model = predicting(ready_lm())
    state = model.state
    swapped = (*state[:2], state[3], state[2], *state[4:])
    said = message(tl.StateError, lambda: hand_over(model, swapped, how))
    assert 'state of GRU#1: got the state of GRU#2' in said
    assert_equal(model.state, state)


@hows
def test_plain_arrays_are_no_state_of_a_model(how: str) -> None:
    model = predicting(ready_lm())
    state = model.state
    plain = (*state[:2], np.zeros((2, 6), np.float32), *state[3:])
    said = message(tl.StateError, lambda: hand_over(model, plain, how))
    assert 'expected a state made by this model' in said
    assert_equal(model.state, state)


def test_a_state_with_parts_missing_is_refused() -> None:
    model = predicting(ready_lm())
    with pytest.raises(ValueError, match=r'GRU#1.*new_state|parts.*new_state'):
        model.state = ()


def test_state_of_another_batch() -> None:
    model = predicting(ready_lm())
    before = model.state
    said = message(tl.LayerError, lambda: model(IDS[:1]))
    assert 'the batch of the state: expected 1, got 2. Use model.new_state(batch_size).' in said
    assert 'GRU#1' in said
    assert_equal(model.state, before)
    model.state = model.new_state(1)
    assert model(IDS[:1]).shape == (1, 5, 11)


def test_state_of_another_batch_in_shift_right() -> None:
    model = tl.Serial(tl.ShiftRight()).with_carry()
    model(IDS)
    said = message(tl.LayerError, lambda: model(IDS[:1]))
    assert 'the batch of the state: expected 1, got 2' in said


def test_state_of_another_batch_in_scan() -> None:
    model = tl.Serial(tl.Scan(tl.GRUCell(4), axis=1, mode='predict'))
    model((X, np.zeros((2, 4), np.float32)))
    with pytest.raises(tl.StateError, match=r'carries of shape \(2, 4\), got \(1, 4\).*new_state'):
        model((X[:1], np.zeros((1, 4), np.float32)))


def test_weights_of_another_model() -> None:
    model, other, longer = ready_lm(), ready_lm(d=5), ready_lm(n_layers=3)
    before, out = model.weights, model(IDS)

    def put(weights: Any) -> None:
        model.weights = weights

    said = message(ValueError, lambda: put(other.weights))
    assert (
        'weights of Embedding#1 (Embedding_11_6): expected shapes [(11, 6)], got [(11, 5)]' in said
    )
    said = message(ValueError, lambda: put(longer.weights))
    assert 'weights of Serial: expected a tuple of 6 parts, one for each sublayer, got 7' in said
    said = message(ValueError, lambda: model.set_named_weights(longer.named_weights()))
    assert "unknown ['GRU#3.b1'" in said
    with pytest.raises((ValueError, tl.LayerError), match=r'weights of|another'):
        model(IDS, weights=longer.weights)
    with pytest.raises(tl.LayerError, match='initialised for another width'):
        model(IDS, weights=other.weights)
    assert_equal(model.weights, before)
    assert_equal(model(IDS), out)


def test_a_marker_without_a_first_place() -> None:
    dense = tl.Dense(3)
    model = tl.Serial(dense, dense)
    weights, _ = model.init(sig(2, 3))
    with pytest.raises(ValueError, match='marker of shared weights without a first place'):
        model.pure_fn(X, (tl.SHARED, weights[0]), model.state, None)


@pytest.mark.parametrize(
    'weights',
    [[np.ones((3, 3))], (np.ones((4, 3)), np.ones(3)), np.ones((3, 3)), (), None],
)
def test_weights_of_a_layer_alone_are_checked(weights: Any) -> None:
    layer = tl.Dense(3)
    layer.init(sig(2, 3))
    before = layer.weights

    def put() -> None:
        layer.weights = weights

    assert 'weights of Dense_3: expected shapes [(3, 3), (3,)], got' in message(ValueError, put)
    assert_equal(layer.weights, before)


def test_a_call_with_weights_of_other_shapes_says_so() -> None:
    model = ready_lm()
    short = (*model.weights[:2], tuple(model.weights[2])[:2], *model.weights[3:])
    for weights in (short, ready_lm(d=5).weights):
        said = message(tl.LayerError, lambda weights=weights: model(IDS, weights=weights))
        assert 'running layer GRU_6 at GRU#1 failed' in said
        assert 'It was run with weights of shapes [(' in said
        assert 'its own have [(12, 12), (12,), (12, 6), (6,)]. Are these the weights of an' in said


def test_a_layer_that_is_initialised_was_not_run_with_weights() -> None:
    layer = tl.Dense(3)
    layer.init(sig(2, 3))
    said = message(tl.LayerError, lambda: layer.init(sig(2, 'd')))
    assert 'initialising layer Dense_3' in said
    assert 'It was run with weights' not in said
    run_with_none = message(tl.LayerError, lambda: layer.pure_fn(X, (), (), None))
    assert 'It was run with weights of shapes []; its own have [(3, 3), (3,)]' in run_with_none


# ------------------------------------------------------------------------- failures lose nothing


def everything(model: tl.Layer) -> list[Any]:
    return jax.tree.leaves((model.weights, model.state, model.rng))


@pytest.mark.parametrize(
    'fail',
    [
        lambda model: model.init(sig(2, 3), rng=7),
        lambda model: model.init(sig(2, dtype=np.int32), rng=7),
        lambda model: model(np.zeros((2, 5), np.float32)),
        lambda model: model(np.zeros(5, np.int32)),
        lambda model: model(IDS[:1]),
        lambda model: model(IDS, weights=((), (), ())),
        lambda model: model.as_mode('Predict'),
        lambda model: jax.jit(lambda x: model(x))(np.zeros((2, 5), np.float32)),
        lambda model: jax.grad(lambda w: model(IDS, weights=w).sum())(ready_lm(d=5).weights),
    ],
)
def test_a_failure_leaves_the_model_as_it_was(fail: Any) -> None:
    model = predicting(ready_lm())
    before = everything(model)
    twin = predicting(ready_lm())
    with pytest.raises((tl.LayerError, ValueError)):
        fail(model)
    after = everything(model)
    assert not any(isinstance(leaf, jax.core.Tracer) for leaf in after)
    assert_equal(after, before)
    assert_equal(model(IDS), twin(IDS))


def test_a_failed_first_call_leaves_an_uninitialised_model() -> None:
    model = models.GRULM(11, 6, 1)
    with pytest.raises(tl.LayerError):
        model(np.zeros((2, 5), np.float32))
    assert jax.tree.leaves(model.weights) == []
    other = models.GRULM(11, 6, 1)
    assert_equal(model(IDS), other(IDS))


def test_a_failure_halfway_stores_no_weights() -> None:
    first, last = tl.Dense(3), tl.GRU(4)
    with pytest.raises(tl.LayerError):
        tl.Serial(first, last).init(sig(2, 4))
    assert jax.tree.leaves(first.weights) == []
    assert first(np.ones((2, 9), np.float32)).shape == (2, 3)


@pytest.mark.parametrize(
    ('layer', 'inputs', 'text'),
    [
        (tl.Dense(4), sig('b', 't', dtype=np.int32), 'put an Embedding before it.'),
        (tl.LayerNorm(), sig('b', 'd'), 'Write the number of features.'),
    ],
)
def test_weights_as_wide_as_a_name(layer: tl.Layer, inputs: Any, text: str) -> None:
    name = inputs.shape[-1]
    said = message(tl.LayerError, lambda: layer.init(inputs))
    assert f"the width of the input's last axis: expected a number, got '{name}'. " in said
    assert said.endswith(text)


def test_ids_of_another_length_where_features_belong() -> None:
    layer = tl.Dense(4)
    layer.init(sig(2, 1, dtype=np.int32))
    said = message(tl.LayerError, lambda: layer(IDS))
    assert 'expected 1, got 5. If these are ids, put an Embedding before it.' in said
