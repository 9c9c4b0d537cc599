"""trax.supervised.decoding: Trax's arguments, each with its meaning; a model stays as it is."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import GOLDEN, golden_model, gru_lm, with_weights, without_shift

import retrax
from retrax import layers as tl
from retrax.interop.trax import decoding, layer_tests

pytestmark = pytest.mark.usefixtures('compiled_quickly')

PROMPT = np.array([[1, 2], [3, 4]])


@pytest.fixture(scope='module')
def model() -> tl.Serial:
    return with_weights(gru_lm())


def test_autoregressive_sample_is_generate(model) -> None:
    ours = retrax.generate(model, PROMPT, 9, 0.7, seed=5)
    theirs = decoding.autoregressive_sample(
        model, PROMPT, batch_size=2, temperature=0.7, eos_id=-1, max_length=9, seed=5
    )
    np.testing.assert_array_equal(theirs, ours)


def test_eval_mode_begins_anew_for_each_token(model) -> None:
    options = {'eos_id': -1, 'max_length': 9, 'temperature': 0}
    expected = decoding.autoregressive_sample(model, **options)
    found = decoding.autoregressive_sample(model.with_carry(), eval_mode=True, **options)
    np.testing.assert_array_equal(found, expected)


def test_eval_mode_takes_a_model_of_two_inputs_and_one_output(model) -> None:
    second = tl.Serial(tl.Select([1], n_in=2), model)
    options = {'batch_size': 2, 'eos_id': -1, 'max_length': 5, 'temperature': 0}
    found = decoding.autoregressive_sample(second, PROMPT, eval_mode=True, **options)
    np.testing.assert_array_equal(found, decoding.autoregressive_sample(model, **options))


def test_eval_mode_refuses_a_temperature_below_0(model) -> None:
    with pytest.raises(ValueError, match='autoregressive_sample: temperature must be at least 0'):
        decoding.autoregressive_sample(model, temperature=-1, eval_mode=True)


@pytest.mark.parametrize('eval_mode', [False, True])
def test_autoregressive_sample_ends_where_the_last_row_has_ended(model, eval_mode) -> None:
    options = {'batch_size': 3, 'max_length': 12, 'seed': 1, 'eval_mode': eval_mode}
    tokens = decoding.autoregressive_sample(model, eos_id=-1, **options)
    eos = int(tokens[0, 3])
    cut = decoding.autoregressive_sample(model, eos_id=eos, **options)
    ends = [int(np.argmax(row == eos)) if eos in row else 11 for row in tokens]
    assert cut.shape == (3, max(ends) + 1)
    for row, whole, end in zip(cut, tokens, ends, strict=True):
        np.testing.assert_array_equal(row[: end + 1], whole[: end + 1])
        assert (row[end + 1 :] == eos).all()
    assert decoding.autoregressive_sample(model, max_length=0).shape == (1, 0)


def test_a_stream_has_no_end(model) -> None:
    stream = decoding.autoregressive_sample_stream(model, PROMPT, batch_size=2, seed=4)
    columns = list(itertools.islice(stream, 70))
    assert columns[0].shape == (2,)
    np.testing.assert_array_equal(
        np.stack(columns, axis=1), retrax.generate(model, PROMPT, 70, seed=4)
    )


@pytest.mark.parametrize('make', [gru_lm, without_shift])
@pytest.mark.parametrize('prompt', [PROMPT, None])
def test_in_eval_mode_the_tokens_are_the_same(make, prompt) -> None:
    model = with_weights(make())
    options = {'batch_size': 2, 'eos_id': -1, 'max_length': 9, 'seed': 3, 'temperature': 0.8}
    by_steps = decoding.autoregressive_sample(model, prompt, **options)
    whole = decoding.autoregressive_sample(model.as_mode('eval'), prompt, eval_mode=True, **options)
    np.testing.assert_array_equal(whole, by_steps)


def test_eval_mode_pads_to_powers_of_two() -> None:
    lengths = []

    def note(x):
        lengths.append(x.shape[1])
        return jax.nn.one_hot((x + 1) % 7, 7)

    model = tl.Serial(tl.ShiftRight(), tl.Fn('Next', note))
    model.init(tl.ShapeDtype((1, 1), np.int32))
    options = {'temperature': 0.0, 'eos_id': -1, 'max_length': 5, 'eval_mode': True}
    lengths.clear()
    assert decoding.autoregressive_sample(model, **options).tolist() == [[1, 2, 3, 4, 5]]
    assert set(lengths) == {1, 2, 4, 8}
    lengths.clear()
    decoding.autoregressive_sample(model, **options, eval_min_length=9)
    assert set(lengths) == {16}


@pytest.mark.parametrize('eval_mode', [False, True])
def test_a_model_of_two_inputs(eval_mode) -> None:
    """Its second input is the text; the first token is what `inputs` begins with."""
    ids = tl.ShapeDtype((1, 1), np.int32)
    pick = tl.Fn(
        'Pick',
        lambda source, text: (jax.nn.one_hot((source[:, :1] + text) % 9, 9), source),
        n_out=2,
    )
    model = tl.Serial(tl.Parallel(None, tl.ShiftRight(mode='train')), pick)
    model.init((ids, ids))
    options = {'batch_size': 2, 'eos_id': -1, 'max_length': 4}
    tokens = decoding.autoregressive_sample(
        model, PROMPT, temperature=0.0, eval_mode=eval_mode, **options
    )
    assert tokens.tolist() == [[1, 2, 3, 4], [3, 6, 0, 3]]
    ((best, _),) = decoding.beam_search(model, PROMPT, n_beams=1, **options)
    np.testing.assert_array_equal(best, tokens)


@pytest.mark.parametrize('start_id', [3, np.array([[2], [7]])])
def test_start_id(model, start_id) -> None:
    """A ShiftRight is nothing in predict: with start_id, a model with and without it are equal."""
    bare = tl.Serial(*model.sublayers[1:])
    bare(PROMPT)
    first = np.broadcast_to(start_id, (2, 1))
    options = {'batch_size': 2, 'temperature': 0.0, 'eos_id': -1, 'max_length': 6}
    tokens = decoding.autoregressive_sample(model, PROMPT, start_id=start_id, **options)
    fed = np.concatenate([first, PROMPT, tokens[:, :-1]], axis=1).astype(np.int32)
    np.testing.assert_array_equal(np.argmax(bare.as_mode('eval')(fed), -1)[:, 2:], tokens)
    np.testing.assert_array_equal(
        decoding.autoregressive_sample(bare, PROMPT, start_id=start_id, **options), tokens
    )
    ((best, _),) = decoding.beam_search(*(model, PROMPT, 2, 1, start_id, -1, 6), length_penalty=0.0)
    np.testing.assert_array_equal(best, tokens)


def test_beam_search_gives_the_numbers_of_trax() -> None:
    golden = GOLDEN['GRULM_small']
    found = decoding.beam_search(
        golden_model('GRULM_small'), n_beams=3, eos_id=-1, max_length=8, length_penalty=0.0
    )
    assert [tokens.tolist() for tokens, _ in found] == [[text] for text in golden['beams']]
    np.testing.assert_allclose([scores[0] for _, scores in found], golden['beam_scores'], atol=1e-4)


def test_beam_search_heeds_eos_length_penalty_and_batch(model) -> None:
    found = decoding.beam_search(
        model, PROMPT, batch_size=2, n_beams=3, eos_id=4, max_length=9, length_penalty=0.7
    )
    ours = retrax.beam_search(model, PROMPT, 9, 3, eos_id=4, length_penalty=0.7, n_best=3)
    for i, (tokens, scores) in enumerate(found):
        np.testing.assert_array_equal(tokens, ours.tokens[:, i, : ours.lengths.max()])
        np.testing.assert_array_equal(scores, ours.scores[:, i])
    assert any(4 in tokens for tokens, _ in found)


@pytest.mark.parametrize('eval_mode', [False, True])
def test_a_model_stays_as_it_is(model, eval_mode) -> None:
    predict = model.as_mode('predict')
    predict(np.array([[3]], np.int32))
    before = jax.tree.map(np.asarray, (predict.state, predict.weights, predict.rng))
    options = {'eval_mode': eval_mode, 'temperature': 0.5}
    stream = decoding.autoregressive_sample_stream(predict, **options)
    next(stream)
    stream.close()  # in the middle of a text
    decoding.autoregressive_sample(predict, max_length=3, **options)
    decoding.beam_search(predict, max_length=3)
    poison = jax.tree.map(lambda w: w * jnp.nan, predict.weights)
    predict.weights, kept = poison, predict.weights
    with pytest.raises(FloatingPointError):
        decoding.autoregressive_sample(predict, max_length=3, **options)
    predict.weights = kept
    after = jax.tree.map(np.asarray, (predict.state, predict.weights, predict.rng))
    jax.tree.map(np.testing.assert_array_equal, before, after)
    assert predict.mode == 'predict'


@pytest.mark.parametrize(
    'function',
    [
        decoding.autoregressive_sample_stream,
        decoding.autoregressive_sample,
        decoding.beam_search,
    ],
)
def test_what_does_not_fit_is_told_at_once(model, function) -> None:
    with pytest.raises(ValueError, match='inputs have 1 rows, batch_size is 2'):
        function(model, np.array([[1]]), batch_size=2)
    with pytest.raises(ValueError, match=r'start_id must be an id or \(1, 1\), got shape \(2,\)'):
        function(model, start_id=[1, 2])


def test_eval_mode_begins_as_the_model_s_shift_right_says(model) -> None:
    with pytest.raises(ValueError, match=r'start_id is \[3\], and in eval_mode Serial starts with'):
        decoding.autoregressive_sample(model, start_id=3, eval_mode=True)


def test_a_mock_model_is_decoded_as_its_function_says() -> None:
    """A row counts on from its last id, from the start id 0 or from its prompt."""
    model = layer_tests.MockTransformerLM(lambda ids: (ids[-1] + 1) % 10, 'predict', 10)
    model.init(tl.ShapeDtype((1, 1), np.int32))
    options = {'max_length': 5, 'temperature': 0.0, 'eos_id': -1}
    tokens = decoding.autoregressive_sample(model, **options)
    np.testing.assert_array_equal(tokens, [[1, 2, 3, 4, 5]])
    tokens = decoding.autoregressive_sample(model, PROMPT, batch_size=2, **options)
    np.testing.assert_array_equal(tokens, PROMPT[:, -1:] + np.arange(1, 6))
    model(np.array([[0, 1, 7]]))
    model(np.array([[8]]))
    model.assert_prediction_buffers_equal([[0, 1, 7, 8]])
