"""C12: weights and state that no output needs are reported."""

import jax
import numpy as np
import pytest
from registry import make_loud
from small_models import IDS, ready_lm

from retrax import layers as tl
from retrax.inspection import unused

pytestmark = pytest.mark.usefixtures('compiled_quickly')


def test_all_is_used_but_rows_of_ids_that_do_not_come() -> None:
    model = ready_lm()
    found = unused(model, IDS)
    assert found.ok
    read = {0, *IDS[:, :-1].ravel().tolist()}  # ShiftRight
    embedding = found.weights['Embedding#1']
    assert embedding.n_without_gradient == (11 - len(read)) * 6
    assert 'of it has no gradient on these inputs' in str(found)
    others = {path: use for path, use in found.weights.items() if path != 'Embedding#1'}
    assert [use for use in others.values() if use.problem] == []
    assert [use.n for use in others.values()] == [144, 12, 72, 6] * 2 + [66, 11]
    assert found.state == {'GRU#1': True, 'GRU#2': True}


def test_weights_that_nothing_depends_on() -> None:
    half = tl.Fn('FirstHalf', lambda x: x[..., :3])
    model = tl.Serial(
        tl.Embedding(11, 6), tl.Dense(6), half, tl.Residual(tl.LSTM(3)),
        tl.Branch(tl.GRU(3), tl.Dense(4)), tl.Drop(),
    )  # fmt: skip
    model.init(tl.signature(IDS))
    found = unused(make_loud(model), IDS)
    assert not found.ok
    lost = 'Branch#1/Parallel#1/GRU#1.'
    problems = {path: use.problem for path, use in found.weights.items() if use.problem}
    assert set(problems) == {
        'Embedding#1', 'Dense#1.w', 'Dense#1.b', *(f'{lost}{w}' for w in ('w1', 'b1', 'w2', 'b2')),
    }  # fmt: skip
    assert problems['Dense#1.b'] == '50.0% of it has no gradient on these inputs'
    assert problems[f'{lost}w1'] == 'no output depends on it, on these inputs'
    assert found.state is not None
    assert not found.state['Branch#1/Parallel#1/GRU#1']
    assert found.state['Serial#1/Branch#1/Parallel#1/LSTM#1']
    assert f'state of {lost[:-1]}' in str(found)


def test_gradients_that_are_held_back() -> None:
    model = tl.Serial(tl.Embedding(11, 6), tl.StopGradient(), tl.Dense(3))
    model.init(tl.signature(IDS))
    found = unused(model, IDS)
    assert found.weights['Embedding#1'].problem == 'outputs depend on it, and its gradient is 0'
    assert not found.ok
    assert found.weights['Dense#1.w'].problem == ''
    assert found.state == {}


def test_a_shared_layer_is_used_if_one_of_its_places_is() -> None:
    dense = tl.Dense(6)
    model = tl.Serial(tl.Embedding(11, 6), tl.Branch(dense, []), tl.Drop(), dense)
    model.init(tl.signature(IDS))
    found = unused(model, IDS)
    first = 'Branch#1/Parallel#1/Dense#1'
    assert list(found.weights) == ['Embedding#1', f'{first}.w', f'{first}.b']
    assert found.weights[f'{first}.w'].problem == ''


def test_what_cannot_go_on_and_what_has_nothing() -> None:
    back = tl.Serial(tl.Embedding(11, 6), tl.Bidirectional(tl.GRU(3)))
    back.init(tl.signature(IDS))
    assert unused(back, IDS).state == {}
    nothing = tl.Serial(tl.Relu())
    found = unused(nothing, np.ones((2, 3), np.float32))
    assert str(found) == 'Serial: all weights and all state are used.'


@pytest.mark.parametrize('mode', ['train', 'predict'])
def test_the_model_is_left_alone(mode: str) -> None:
    model = ready_lm().as_mode(mode)
    model.state = state = model.new_state(2)
    before = jax.tree.map(np.asarray, model.weights)
    unused(model, IDS)
    assert model.state is state
    for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(model.weights), strict=True):
        np.testing.assert_array_equal(a, b)
