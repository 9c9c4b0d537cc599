"""score against the eval pass in float64, and what it does not depend on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import VOCAB, gru_lm, logits, with_weights, without_shift

import retrax
from retrax import layers as tl
from retrax.combinators import LayerError
from retrax.decoding.steps import planned

pytestmark = pytest.mark.usefixtures('compiled_quickly')

TEXT = np.random.RandomState(0).randint(0, VOCAB, (2, 45)).astype(np.int32)


@pytest.fixture(scope='module')
def model() -> tl.Layer:
    return with_weights(gru_lm())


def reference(model, text):
    """Log-probabilities of all but the first token, and of it too where there is a start id."""
    scores = np.asarray(model.as_mode('eval')(text), np.float64)
    scores -= np.log(np.exp(scores).sum(axis=-1, keepdims=True))
    if model.start_id is None:
        scores, text = scores[:, :-1], text[:, 1:]
    return np.take_along_axis(scores, text[..., None], axis=-1)[..., 0]


@pytest.mark.parametrize('make', [gru_lm, logits, without_shift])
def test_equals_the_eval_pass(make) -> None:
    model = with_weights(make())
    expected = reference(model, TEXT)
    found = retrax.score(model, TEXT, window=16)
    n = expected.shape[1]
    np.testing.assert_allclose(found.log_probs[:, -n:], expected, atol=2e-5)
    assert found.counts.sum() == expected.size
    assert (found.log_probs[:, :-n] == 0).all()
    np.testing.assert_allclose(found.perplexity, np.exp(-expected.mean()), rtol=1e-5)
    np.testing.assert_allclose(found.bits_per_character, -expected.mean() / np.log(2), rtol=1e-5)
    np.testing.assert_allclose(found.log_prob, expected.sum(axis=1), rtol=1e-5)


def test_it_runs_the_plan(model) -> None:
    weights, state = model.weights, model.as_mode('predict').new_state(2)
    retrax.score(model, TEXT)
    made = planned(model.as_mode('predict'), 2)
    program = model.as_mode('predict').program(('score', False), lambda: pytest.fail('not there'))
    arguments = (state, TEXT, TEXT)
    program.lower((made.weights, None), *arguments)
    with pytest.raises(LayerError):
        program.lower((weights, None), *arguments)


def test_windows_and_masks_change_nothing(model) -> None:
    whole = retrax.score(model, TEXT)
    np.testing.assert_allclose(
        retrax.score(model, TEXT, window=7).log_probs, whole.log_probs, atol=1e-5
    )
    mask = np.ones(TEXT.shape)
    mask[1, 30:] = 0
    padded = np.where(mask, TEXT, 0)
    found = retrax.score(model, padded, mask)
    np.testing.assert_allclose(found.log_probs, whole.log_probs * mask, atol=1e-6)
    kept = whole.log_probs[mask == 1]
    np.testing.assert_allclose(found.perplexity, np.exp(-kept.mean()), rtol=1e-5)
    in_words = retrax.score(model, TEXT[0], n_characters=200)
    np.testing.assert_allclose(in_words.log_probs[0], whole.log_probs[0], atol=1e-5)
    bits = -in_words.log_prob.sum() / np.log(2)
    np.testing.assert_allclose(in_words.bits_per_character, bits / 200, rtol=1e-6)


def test_another_start_id(model) -> None:
    tokens, log_probs = retrax.generate(
        model, max_new_tokens=9, start_id=4, seed=5, return_log_probs=True
    )
    found = retrax.score(model, tokens, start_id=4).log_probs
    np.testing.assert_allclose(found, log_probs, atol=1e-5)
    with pytest.raises(ValueError, match='score: start_id has id'):
        retrax.score(model, tokens, start_id=VOCAB)


def test_a_model_that_draws_is_refused() -> None:
    on = tl.InMode(tl.Dropout(0.5), predict='train')
    layers = tl.Embedding(VOCAB, 6), on, tl.GRU(6), tl.Dense(VOCAB)
    unsure = with_weights(tl.Serial(tl.ShiftRight(), *layers))
    with pytest.raises(ValueError, match='score: Serial draws while it runs in predict'):
        retrax.score(unsure, [5, 7])


def test_agrees_with_generate(model) -> None:
    tokens, log_probs = retrax.generate(model, None, 40, seed=1, return_log_probs=True)
    np.testing.assert_allclose(retrax.score(model, tokens).log_probs, log_probs, atol=1e-5)


@pytest.mark.parametrize('make', [gru_lm, without_shift])
def test_rows_of_different_lengths(make) -> None:
    model = with_weights(make())
    lengths = [45, 1, 0, 17]
    rows = [np.resize(TEXT, n) for n in lengths]
    found = retrax.score(model, rows, window=16)
    assert found.counts.sum(axis=1).tolist() == (lengths if make is gru_lm else [44, 0, 0, 16])
    for row, n in enumerate(lengths):
        if found.counts[row].any():
            alone = retrax.score(model, rows[row])
            np.testing.assert_allclose(found.log_probs[row, :n], alone.log_probs[0], atol=1e-5)
    np.testing.assert_allclose(
        found.bits_per_character, -found.log_prob.sum() / np.log(2) / found.counts.sum()
    )


def test_no_program_is_larger_than_a_window(model) -> None:
    retrax.score(model, np.resize(TEXT, (2, 8)), window=8)
    read = model.as_mode('predict').program(
        ('score', False), lambda: pytest.fail('nothing was scored')
    )
    before = read._cache_size()
    retrax.score(model, np.resize(TEXT, (3, 8 * 20)), window=8)
    retrax.score(model, np.resize(TEXT, (3, 8 * 40)), window=8)
    assert read._cache_size() == before + 1


def test_what_is_impossible_and_what_is_broken(model) -> None:
    only = tl.Serial(
        tl.ShiftRight(), tl.Fn('Only', lambda x: jnp.log(jax.nn.one_hot(x * 0 + 2, 4)))
    )
    only.init(tl.ShapeDtype((1, 1), np.int32))
    assert retrax.score(only, [2, 2]).perplexity == 1
    assert retrax.score(only, [2, 3]).log_probs.tolist() == [[0, -np.inf]]
    assert retrax.score(only, [2, 3]).perplexity == np.inf
    bad = with_weights(gru_lm())
    bad.weights = jax.tree.map(lambda w: w * jnp.nan, bad.weights)
    with pytest.raises(FloatingPointError, match='row 0 for token 1 are NaN'):
        retrax.score(bad, [1, 2], mask=[0, 1])


WRONG = [
    ({'tokens': [1, VOCAB]}, rf'score: tokens has id {VOCAB} at \(0, 1\)'),
    ({'tokens': []}, 'score: tokens must have at least one id'),
    ({'tokens': [[], []]}, 'score: tokens must have at least one id'),
    ({'tokens': [[1, 2], [3]], 'mask': [[1, 1], [1]]}, 'count as a whole; a mask is for tokens'),
    ({'tokens': [1, 2], 'mask': [1]}, r'mask has shape \(1,\), tokens have \(2,\)'),
    ({'tokens': [1, 2], 'mask': [0, 0]}, 'no token counts'),
    ({'tokens': [1, 2], 'window': 0}, 'score: window must be an int of at least 1, got 0'),
    ({'tokens': [1, 2], 'n_characters': 0}, 'score: n_characters must be an int of at least 1'),
]


@pytest.mark.parametrize(('arguments', 'message'), WRONG)
def test_wrong_arguments(model, arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        retrax.score(model, **arguments)


def test_tokens_of_no_integers(model) -> None:
    for tokens in ('abc', [1.0], [[1], [2.0, 3.0]]):
        with pytest.raises(TypeError, match='score: tokens must be integer ids, got dtype'):
            retrax.score(model, tokens)
