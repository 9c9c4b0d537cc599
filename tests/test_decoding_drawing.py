"""Models that draw while they make a text: a row draws the same whatever else is in the batch."""

import numpy as np
import pytest
from decoding_oracle import VOCAB, with_weights

import retrax
from retrax import layers as tl

PROMPTS = [[5, 1, 2, 3], [3], [], [1, 4, 4, 1, 2, 2]]
GREEDY = {'temperature': 0, 'seed': 3}


@pytest.fixture(scope='module')
def model() -> tl.Layer:
    """With a dropout that is left on; at temperature 0 nothing else is drawn."""
    on = tl.InMode(tl.Dropout(0.5), predict='train')
    layers = tl.Embedding(VOCAB, 16), tl.GRU(16), on, tl.Dense(VOCAB), tl.LogSoftmax()
    return with_weights(tl.Serial(tl.ShiftRight(), *layers))


@pytest.fixture(scope='module')
def texts(model) -> np.ndarray:
    return retrax.generate(model, PROMPTS, 40, **GREEDY)


def test_a_row_is_what_it_is_alone(model, texts) -> None:
    for i, prompt in enumerate(PROMPTS):
        alone = retrax.generate(model, prompt, 33, row_ids=[i], **GREEDY)
        np.testing.assert_array_equal(alone[0], texts[i, :33])
    apart = retrax.generate(model, PROMPTS, 40, deterministic=True, **GREEDY)
    np.testing.assert_array_equal(apart, texts)


def test_texts_of_one_prompt_differ_and_so_do_seeds(model, texts) -> None:
    many = retrax.generate(model, PROMPTS[0], 40, n=3, **GREEDY)
    np.testing.assert_array_equal(many, retrax.generate(model, PROMPTS[:1] * 3, 40, **GREEDY))
    np.testing.assert_array_equal(many[0], texts[0])
    assert len(np.unique(many, axis=0)) == 3
    other = retrax.generate(model, PROMPTS, 40, temperature=0, seed=4)
    assert (other != texts).any(axis=1).all()


def test_a_snapshot_goes_on_with_the_same_draws(model, texts) -> None:
    running = retrax.stream(model, PROMPTS, 40, **GREEDY)
    first = next(running)
    rest = np.concatenate(list(retrax.resume(model, running.snapshot())), axis=1)
    np.testing.assert_array_equal(np.concatenate([first, rest], axis=1), texts)


def test_a_beam_search_draws_for_each_row(model) -> None:
    found = retrax.beam_search(model, PROMPTS, 5, n_beams=3)
    alone = retrax.beam_search(model, PROMPTS[:1], 5, n_beams=3)
    np.testing.assert_array_equal(alone.tokens[0], found.tokens[0])
    np.testing.assert_allclose(alone.scores[0], found.scores[0], atol=1e-4)
