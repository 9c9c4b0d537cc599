"""generate against the oracle, and what its results do not depend on."""

import jax
import numpy as np
import pytest
from decoding_oracle import (
    GOLDEN,
    MODELS,
    VOCAB,
    golden_model,
    gru_lm,
    slow_generate,
    with_weights,
)

from retrax import layers as tl
from retrax.decoding import generate

pytestmark = pytest.mark.usefixtures('compiled_quickly')

PROMPT = [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]]


@pytest.fixture(scope='module')
def model() -> tl.Layer:
    return with_weights(gru_lm())


@pytest.mark.parametrize('temperature', [0.0, 0.8])
@pytest.mark.parametrize('make', MODELS, ids=lambda make: make.__name__)
def test_equals_the_oracle(make, temperature) -> None:
    model = with_weights(make())
    got = generate(model, PROMPT, 40, temperature, seed=7)
    np.testing.assert_array_equal(got, slow_generate(model, PROMPT, 40, temperature, seed=7))
    assert temperature == 0 or len(np.unique(got)) > 1  # a constant text would show little


@pytest.mark.parametrize('temperature', [0.0, 1.0])
def test_without_a_prompt(model, temperature) -> None:
    got = generate(model, max_new_tokens=33, temperature=temperature, seed=5, batch_size=3)
    nothing = np.zeros((3, 0), np.int32)
    np.testing.assert_array_equal(got, slow_generate(model, nothing, 33, temperature, seed=5))
    assert got.dtype == np.int32


@pytest.mark.parametrize('case', ['GRULM_small', 'GRULM_full'])
def test_greedy_equals_trax(case) -> None:
    golden, model = GOLDEN[case], golden_model(case)
    assert generate(model, None, 40, 0, eos_id=1).tolist() == golden['greedy']
    assert generate(model, golden['prompt'], 40, 0, eos_id=1).tolist() == golden['greedy_prompted']


@pytest.mark.parametrize('case', ['GRULM_small', 'GRULM_full'])
def test_sampling_with_trax_noise_equals_trax(case) -> None:
    """Trax adds Gumbel noise of NumPy's generator to each token's log-probabilities."""
    text = np.array(GOLDEN[case]['sampled'])
    log_probs = golden_model(case).as_mode('eval')(text)[0]
    uniform = np.random.RandomState(5).uniform(1e-6, 1 - 1e-6, log_probs.shape)
    drawn = np.argmax(log_probs - np.log(-np.log(uniform)), -1)
    np.testing.assert_array_equal(drawn, text[0])


def test_a_prompt_longer_than_the_longest_piece(model) -> None:
    prompt = np.random.RandomState(0).randint(0, VOCAB, (2, 1037))
    got = generate(model, prompt, 6, 0.5, seed=1)
    np.testing.assert_array_equal(got, slow_generate(model, prompt, 6, 0.5, seed=1))


def test_the_start_of_a_longer_run(model) -> None:
    long = generate(model, PROMPT, 50, seed=2)
    for n in (1, 10, 32, 33):
        np.testing.assert_array_equal(generate(model, PROMPT, n, seed=2), long[:, :n])


def test_a_text_that_is_cut_goes_on_as_before(model) -> None:
    whole = generate(model, PROMPT, 50, seed=2)
    prompt = np.concatenate([PROMPT, whole[:, :13]], axis=1)
    np.testing.assert_array_equal(generate(model, prompt, 37, seed=2), whole[:, 13:])


def test_rows_equal_single_runs(model) -> None:
    whole = generate(model, [2, 7], 40, seed=3, batch_size=4)
    assert len(np.unique(whole, axis=0)) == 4
    for row in range(4):
        alone = generate(model, [2, 7], 40, seed=3, row_ids=[row])
        np.testing.assert_array_equal(alone[0], whole[row])


def test_temperature_of_each_row(model) -> None:
    mixed = generate(model, PROMPT, 20, [0.0, 1.0], seed=4)
    np.testing.assert_array_equal(mixed[0], generate(model, PROMPT, 20, 0)[0])
    np.testing.assert_array_equal(mixed[1], generate(model, PROMPT, 20, 1, seed=4)[1])


def test_seeds(model) -> None:
    one = generate(model, max_new_tokens=40, seed=1)
    np.testing.assert_array_equal(one, generate(model, max_new_tokens=40, seed=1))
    np.testing.assert_array_equal(
        one, generate(model, max_new_tokens=40, seed=jax.random.PRNGKey(1))
    )
    assert (one != generate(model, max_new_tokens=40, seed=2)).any()
    assert (generate(model, PROMPT, 9, 0, seed=1) == generate(model, PROMPT, 9, 0, seed=2)).all()


@pytest.mark.parametrize('n_tokens', [10, 64, 100, 200])
def test_eos_fills_its_row(model, n_tokens) -> None:
    free = generate(model, [2], n_tokens, seed=6, batch_size=4)
    stopped = generate(model, [2], n_tokens, seed=6, batch_size=4, eos_id=4)
    assert stopped.shape == (4, n_tokens)
    for row, plain in zip(stopped, free, strict=True):
        end = int(np.argmax(plain == 4)) if (plain == 4).any() else n_tokens
        np.testing.assert_array_equal(row[:end], plain[:end])
        assert (row[end:] == 4).all()


def test_views_and_precision(model) -> None:
    expected = generate(model, PROMPT, 12, 0)
    for view in (model.as_mode('eval'), model.as_mode('predict'), model.with_carry()):
        np.testing.assert_array_equal(generate(view, PROMPT, 12, 0), expected)
    assert generate(model.with_precision('bf16'), PROMPT, 12, 0).shape == (2, 12)


def test_the_model_is_left_alone(model) -> None:
    predict = model.as_mode('predict')
    predict(np.array([[3]], np.int32))
    before = jax.tree.map(np.asarray, (predict.state, predict.weights))
    generate(predict, PROMPT, 5)
    jax.tree.map(np.testing.assert_array_equal, before, (predict.state, predict.weights))
    assert predict.mode == 'predict'
    assert model.mode == 'train'


def test_new_weights_are_used(model) -> None:
    other = with_weights(gru_lm(), seed=1)
    expected = generate(other, PROMPT, 20, 0)
    changed = with_weights(gru_lm(), seed=2)
    assert (generate(changed, PROMPT, 20, 0) != expected).any()
    changed.weights = other.weights
    np.testing.assert_array_equal(generate(changed, PROMPT, 20, 0), expected)
