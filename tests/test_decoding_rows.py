"""deterministic=True: the bits of a row are its own. And n=: many rows of one prompt."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import VOCAB, gru_lm, with_weights
from test_decoding_prompts import Counter, between

from retrax import layers as tl
from retrax.decoding import generate, stream

pytestmark = pytest.mark.usefixtures('compiled_quickly')

ROWS = [np.random.RandomState(n).randint(0, VOCAB, n % 13).tolist() for n in range(64)]


@pytest.fixture(scope='module', params=['float32', 'bf16'])
def model(request) -> tl.Layer:
    return with_weights(gru_lm()).with_precision(request.param)


def test_rows_have_the_same_bits_in_every_batch(model) -> None:
    options = {'top_p': 0.9, 'seed': 5, 'return_log_probs': True, 'deterministic': True}
    tokens, log_probs = generate(model, ROWS, 34, **options)
    for n in (1, 3, 8):
        part = generate(model, ROWS[-n:], 34, row_ids=range(64 - n, 64), **options)
        np.testing.assert_array_equal(part[0], tokens[-n:])
        np.testing.assert_array_equal(part[1], log_probs[-n:])
    options['deterministic'] = False  # one row alone runs the same program
    alone = generate(model, ROWS[9], 34, row_ids=[9], **options)
    np.testing.assert_array_equal(alone[0][0], tokens[9])
    np.testing.assert_array_equal(alone[1][0], log_probs[9])


def test_settings_of_each_row_and_eos() -> None:
    model = with_weights(gru_lm())
    options = {
        'temperature': [0.5, 1.0, 2.0],
        'top_k': [3, 4, 5],
        'banned': [[1], [2], [3]],
        'repetition_penalty': [1.0, 1.2, 0.9],
        'eos_id': 4,
        'seed': 6,
        'return_log_probs': True,
    }
    expected = generate(model, ROWS[1:4], 90, **options)
    got = generate(model, ROWS[1:4], 90, deterministic=True, **options)
    np.testing.assert_array_equal(got[0], expected[0])
    np.testing.assert_allclose(got[1], expected[1], atol=1e-4)
    ends = [int(np.argmax(row == 4)) for row in got[0]]
    assert len({end // 32 for end in ends}) > 1, ends  # some rows end a chunk before others
    chunks = list(stream(model, ROWS[1:4], 90, deterministic=True, **options))
    tokens = np.concatenate([tokens for tokens, _ in chunks], axis=1)
    np.testing.assert_array_equal(tokens, got[0][:, : tokens.shape[1]])
    assert (got[0][:, tokens.shape[1] :] == 4).all()


def test_rows_of_any_lengths_have_states_of_their_own() -> None:
    counting = between(Counter())
    got = generate(counting, ROWS[1:5], 9, 0, deterministic=True)
    for prompt, row in zip(ROWS[1:5], got, strict=True):
        np.testing.assert_array_equal(row, generate(counting, prompt, 9, 0)[0])


def test_an_error_names_its_row() -> None:
    scores = tl.Fn('Fails', lambda x: jax.nn.one_hot(x, 9) + jnp.log((x != 7) + 0.0)[..., None])
    bad = tl.Serial(tl.ShiftRight(), scores)
    bad.init(tl.ShapeDtype((1, 1), np.int32))
    with pytest.raises(FloatingPointError, match='generate: the scores of row 2 for new token 0'):
        generate(bad, [[1], [2], [7]], 9, 0, deterministic=True)


def test_many_rows_of_one_prompt() -> None:
    model = with_weights(gru_lm())
    got = generate(model, ROWS[3:5], 30, seed=4, n=3)
    assert got.shape == (6, 30)
    assert len(np.unique(got, axis=0)) == 6
    repeated = [ROWS[3]] * 3 + [ROWS[4]] * 3
    np.testing.assert_array_equal(got, generate(model, repeated, 30, seed=4))
    np.testing.assert_array_equal(
        got, generate(model, ROWS[3:5], 30, seed=4, n=3, deterministic=True)
    )
    np.testing.assert_array_equal(
        generate(model, ROWS[3], 30, seed=4, n=3), generate(model, ROWS[3], 30, 1.0, 4, 3)
    )
