"""Numbers that a layer does not take are refused by the model whose inputs they are."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import retrax
from retrax import layers as tl

IDS = np.array([[1, 2, 3], [4, 5, 6]], np.int32)
LENGTHS = np.array([3, 1], np.int32)


def tagger() -> tl.Serial:
    return tl.Serial(
        tl.Embedding(8, 4), tl.Recurrent(tl.GRUCell(5), padding='lengths'), tl.Dense(2)
    )


@pytest.fixture(scope='module')
def model() -> tl.Serial:
    made = tagger()
    made.init(tl.signature((IDS, LENGTHS)))
    return made


@pytest.mark.parametrize('as_array', [np.array, jnp.array])
@pytest.mark.parametrize(
    ('ids', 'lengths', 'text'),
    [
        (IDS, [3, 4], r'the lengths: expected numbers from 0 to 3, got 4. It is at \[1\].'),
        (IDS, [-1, 2], r'the lengths: expected numbers from 0 to 3, got -1. It is at \[0\].'),
        (IDS + 2, [3, 1], r'ids: expected numbers from 0 to 7, got 8. It is at \[1, 2\].'),
        (IDS - 2, [3, 1], r'ids: expected numbers from 0 to 7, got -1. It is at \[0, 0\].'),
    ],
)
def test_wrong_numbers(model, ids, lengths, text, as_array):
    kept = model((IDS, LENGTHS)), model.state
    with pytest.raises(tl.LayerError, match=text) as info:
        model((as_array(ids), as_array(lengths).astype(np.int32)))
    assert ('Embedding#1' if text.startswith('ids') else 'Recurrent#1') in str(info.value)
    np.testing.assert_array_equal(model((IDS, LENGTHS)), kept[0])  # and nothing has changed
    assert model.state == kept[1]


def test_the_first_call_of_a_model_refuses_too() -> None:
    with pytest.raises(tl.LayerError, match='the lengths: expected numbers from 0 to 3, got 9'):
        tagger()((IDS, np.array([3, 9], np.int32)))


@pytest.mark.parametrize('mode', ['train', 'eval', 'predict'])
def test_ids_of_a_language_model(mode: str) -> None:
    model = retrax.models.GRULM(vocab_size=8, d_model=4, n_layers=1).as_mode(mode)
    with pytest.raises(tl.LayerError, match='ids: expected numbers from 0 to 7, got 300'):
        model(np.array([[1, 300, 2]], np.int32))


def test_whole_lengths_of_a_sequence_that_comes_in_windows() -> None:
    model = tagger().with_carry()
    model.init(tl.signature((IDS, LENGTHS)))
    for _ in range(2):
        model((IDS, np.array([6, 4], np.int32)))
    with pytest.raises(tl.LayerError, match='the lengths: expected 0 or more, got -1'):
        model((IDS, np.array([6, -1], np.int32)))


def test_numbers_that_are_no_input_count_as_the_nearest_that_is_taken(model) -> None:
    """In code that the user compiles, and behind a layer that makes other numbers."""

    @jax.jit
    def run(ids, lengths):
        return model.pure_fn((ids, lengths), model.weights, model.state, None)[0]

    np.testing.assert_array_equal(run(IDS, LENGTHS + 7), run(IDS, np.array([3, 3], np.int32)))
    np.testing.assert_array_equal(run(IDS + 90, LENGTHS), run(0 * IDS + 7, LENGTHS))
    behind = tl.Serial(tl.Fn('More', lambda ids: ids + 90), tl.Embedding(8, 4))
    assert np.isfinite(behind(IDS)).all()


def test_a_model_that_is_called_in_a_trace(model) -> None:
    wanted = model((IDS, LENGTHS))
    np.testing.assert_array_equal(jax.jit(lambda *x: model(x))(IDS, LENGTHS), wanted)
    twice = jax.vmap(lambda *x: model(x))(np.stack([IDS, IDS]), np.stack([LENGTHS, LENGTHS]))
    np.testing.assert_allclose(twice[1], wanted, atol=1e-6)
    gradient = jax.grad(lambda w: model((IDS, LENGTHS), weights=w).sum())(model.weights)
    assert jax.tree.structure(gradient) == jax.tree.structure(model.weights)


def test_a_model_within_a_layer_of_the_users_says_it_too() -> None:
    inner = tl.Serial(tl.Embedding(8, 4), tl.Dense(2))
    inner(IDS)
    outer = tl.Serial(tl.Fn('Inner', lambda ids: inner(ids)), tl.Relu())
    outer(IDS)
    with pytest.raises(tl.LayerError, match='ids: expected numbers from 0 to 7, got 8'):
        outer(IDS + 3)
