"""examples/trax_gru_lm.py: what people asked about the course's language model, by number."""

import example_pages
import jax
import numpy as np
import pytest

import retrax
from retrax import configs, data
from retrax import layers as tl
from retrax.combinators import ModeError

pytestmark = pytest.mark.usefixtures('compiled_quickly')
IDS = tl.ShapeDtype((1, 1), np.int32)


@pytest.fixture(scope='module')
def page() -> example_pages.Page:
    return example_pages.run('trax_gru_lm', steps=100)


@pytest.fixture(scope='module')
def small(page) -> tl.Layer:
    model = page['GRULM'](8, 6, 2)
    model.init(IDS)
    return model


def test_A1_shift_right() -> None:
    for dtype in (np.int32, np.uint8, np.float32):
        y = tl.ShiftRight()(np.array([[1, 2, 3], [4, 5, 6]], dtype))
        assert y.dtype == dtype
        assert y.tolist() == [[0, 1, 2], [0, 4, 5]]
    x = np.array([[1, 2, 3]])
    assert tl.ShiftRight(2)(x).tolist() == [[0, 0, 1]]
    assert tl.ShiftRight(start_id=7)(x).tolist() == [[7, 1, 2]]
    assert '[[0, 1, 2], [0, 4, 5]]' in tl.ShiftRight.__doc__  # a doctest


def test_A2_the_mode_goes_to_shift_right_alone(page) -> None:
    told = page['GRULM'](8, 6, 2, mode='predict')
    told.init(IDS)
    x = np.array([[3, 1, 4, 1, 5]])
    evaluated = told.as_mode('eval')(x)
    state, fed = told.new_state(1), np.concatenate([[[told.start_id]], x[:, :-1]], axis=1)
    for t in range(5):
        y, state = told.pure_fn(fed[:, t : t + 1], told.weights, state, None)
        np.testing.assert_allclose(y[:, 0], evaluated[:, t], atol=1e-5)
    with pytest.raises(ModeError, match="'Predict'"):
        page['GRULM'](mode='Predict')
    with pytest.raises(ModeError, match=r"(?s)GRU_4 .*told 'train' and ShiftRight.*told 'predict'"):
        tl.Serial(tl.ShiftRight(mode='predict'), tl.Embedding(8, 4), tl.GRU(4, mode='train'))


def test_A3_the_decoder_feeds_the_start_id(small) -> None:
    predict = small.as_mode('predict')
    shift = predict.sublayers[0]
    assert shift(np.array([[3]])).tolist() == [[3]]
    assert small.start_id == 0
    without = tl.Serial(tl.Embedding(8, 4), tl.GRU(4), tl.Dense(8))
    without.init(IDS)
    assert without.start_id is None
    with pytest.raises(ValueError, match='start'):
        retrax.generate(without, max_new_tokens=2)
    assert retrax.generate(without, [1, 2], 3, temperature=0).shape == (1, 3)


def test_A4_a_step_costs_the_same_at_any_position(page, small) -> None:
    np.testing.assert_array_equal(page['slow'][:, 4:], page['fast'])
    predict = small.as_mode('predict')

    def step(state):
        return predict.pure_fn(np.array([[1]]), predict.weights, state, None)[1]

    program = jax.jit(step)
    state = predict.new_state(1)
    for _ in range(50):
        state = program(state)
    assert program._cache_size() == 1  # one program, of one cost, for the first and the last step


def test_A5_how_big_is_h0(page) -> None:
    assert page['model'].sublayers[2].cell.n_units == 128  # behind an embedding of 64
    x = np.ones((2, 3, 4), np.float32)
    h0 = np.full((2, 5), 0.5, np.float32)
    gru = tl.Recurrent(tl.GRUCell(5), initial_state='stack', return_state=True)
    gru.init(tl.signature((x, h0)))
    y, last = gru((x, h0))
    np.testing.assert_array_equal(y[:, -1], last)
    for start in ('zeros', 'learned', np.full(5, 0.5, np.float32)):
        other = tl.Recurrent(tl.GRUCell(5), initial_state=start)
        other.init(tl.signature(x))
        shared = dict(zip(other.named_weights(), jax.tree.leaves(other.weights), strict=True))
        assert (len(shared) == 5) == (isinstance(start, str) and start == 'learned')
    other.weights = gru.weights
    np.testing.assert_allclose(other(x), y, atol=1e-6)  # given on the stack or as an array


def test_A6_lists_flatten_and_gin_counts_layers(page) -> None:
    assert [repr(layer) for layer in page['GRULM'](n_layers=3).sublayers] == [
        *('ShiftRight(1)', 'Embedding_256_512', 'GRU_512', 'GRU_512', 'GRU_512'),
        *('Dense_256', 'LogSoftmax'),
    ]
    config = configs.load('gru_pydocs', ['GRULM.n_layers = 3', 'GRULM.d_model = 8'])
    assert repr(config.experiment().model).count('GRU_8') == 3


def test_A7_the_input_is_its_own_target(page) -> None:
    assert page.printed.index('[0] -> 97\n[0, 97] -> 98\n[0, 97, 98] -> 99') > 0


def test_A8_padding_and_start_can_be_told_apart(page) -> None:
    assert page.printed.count('[[ 1 97 98]]\nTrue\n') == 1
    padded = np.array([[3, 4, 5], [6, 0, 0]])
    with pytest.warns(
        UserWarning, match='row 1 of a batch of token ids ends with 0, which is also'
    ):
        retrax.fit(page['GRULM'](8, 4, 1), [padded], 1)
    weights = (padded != 0).astype(np.float32)
    retrax.fit(page['GRULM'](8, 4, 1), [(padded, padded, weights)], 1)  # no warning
    apart = tl.Serial(tl.ShiftRight(start_id=7), page['GRULM'](8, 4, 1).sublayers[1:])
    retrax.fit(apart, [padded], 1)


def test_A9_sampling_is_a_draw_from_the_tempered_distribution() -> None:
    log_probs = jax.nn.log_softmax(np.array([0.3, -1.0, 1.2, 0.1], np.float32))
    many = np.broadcast_to(log_probs, (40_000, 4))
    for temperature in (0.5, 1.0, 2.0):
        drawn = tl.logsoftmax_sample(many, temperature, rng=jax.random.key(0))
        found = np.bincount(drawn, minlength=4) / len(many)
        expected = jax.nn.softmax(log_probs / temperature)
        # Trax adds Gumbel noise times the temperature: the same distribution.
        assert np.abs(found - expected).max() < 4 * np.sqrt(0.25 / len(many))
    assert set(np.asarray(tl.logsoftmax_sample(many[:9], 0.0)).tolist()) == {2}


def test_A10_eos_stops_a_row_and_text_comes_back(page) -> None:
    ended = [ord('.') in row for row in page['rows'].tolist()]
    assert any(ended)
    for row in page['rows'].tolist():
        if ord('.') in row:
            assert set(row[row.index(ord('.')) :]) == {ord('.')}
    vocabulary = data.ByteVocabulary()
    for text in ('The end.', 'größer → 漢字\n', ''):
        assert vocabulary.decode(vocabulary.encode(text)) == text


def test_A11_a_tagger_needs_no_shift_right(page) -> None:
    assert 'output t ignores inputs at t and later' in page.printed
    assert 'output t depends on inputs after t' in page.printed


def test_A12_the_trace_of_every_layer(page) -> None:
    rows = {row.path: row for row in page['trace']}
    assert rows['ShiftRight#1'].shape == (1, 33)
    assert rows['Embedding#1'].shape == (1, 33, 64)  # and not 32
    assert rows['GRU#1'].shape == (1, 33, 96)
    assert rows['GRU#1'].dtype == np.float32
    assert rows['Dense#1'].n_weights == 96 * 256 + 256
