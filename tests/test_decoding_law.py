"""The law of a batch: a row of 64 mixed prompts is what it is alone, whatever the settings.

RETRAX_HYPOTHESIS=thorough pytest tests/test_decoding_law.py -s    # 200 settings, all rows
"""

import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import VOCAB, gru_lm, with_weights

import retrax
from retrax import layers as tl
from retrax.decoding import generate
from retrax.decoding.filters import Filters, restrict
from retrax.decoding.sampling import gumbel, token_keys

pytestmark = pytest.mark.usefixtures('compiled_quickly')

N_SETTINGS, N_ALONE = (200, 64) if os.environ.get('RETRAX_HYPOTHESIS') == 'thorough' else (20, 4)
CLOSE = 1e-4  # of two scores, or of a score and the edge of a filter: rounding may choose the other


@pytest.fixture(scope='module')
def model() -> tl.Layer:
    return with_weights(gru_lm())


def drawn(seed: int, n: int = 64):
    """Returns prompts of n rows, and settings of which each row has its own."""
    random = np.random.RandomState(seed)
    prompts = [random.randint(0, VOCAB, random.randint(0, 40)).tolist() for _ in range(n)]
    rows = {
        'temperature': random.choice([0.0, 0.3, 0.8, 1.0, 1.7], n),
        'top_k': random.randint(1, VOCAB + 2, n),
        'top_p': random.uniform(0.2, 1.0, n),
        'min_p': random.choice([0.0, 0.02, 0.2], n),
        'repetition_penalty': random.uniform(0.8, 1.5, n),
        'banned': [random.choice(VOCAB, random.randint(0, 4)).tolist() for _ in range(n)],
    }
    one = {'max_new_tokens': random.randint(1, 50), 'seed': seed}
    one['eos_id'] = random.choice([None, *range(VOCAB)])
    return prompts, rows, one


def choices(model, prompt, row_id, settings, seed, made, close=0.0, n=1):
    """Returns which tokens may follow `made` where each score may be wrong by `close`."""
    text = np.array([[*prompt, *made, 0]], np.int32)
    errors = np.random.RandomState(0).uniform(-close, close, (n, VOCAB))
    scores = model.as_mode('eval')(text)[:, -1] + errors.astype(np.float32)
    seen = np.isin(np.arange(VOCAB), text[0, :-1])[None]
    banned = np.isin(np.arange(VOCAB), settings['banned'])[None]
    numbers = {k: jnp.full(n, v) for k, v in settings.items() if k != 'banned'}
    temperature = numbers.pop('temperature')
    allowed = restrict(scores, temperature, seen, Filters(banned=banned, **numbers))
    place = jnp.array([text.shape[1] - 1])
    noise = gumbel(token_keys(jax.random.PRNGKey(seed), jnp.array([row_id]), place), VOCAB)
    return set(np.argmax(np.asarray(allowed + temperature[:, None] * noise), axis=1))


@pytest.mark.parametrize('left_out', [[], ['repetition_penalty']])  # then scores lack LogSoftmax
def test_a_row_is_what_it_is_alone(model, left_out) -> None:
    n_different = 0
    for setting in range(N_SETTINGS):
        prompts, rows, one = drawn(setting)
        rows = {name: values for name, values in rows.items() if name not in left_out}
        together = generate(model, prompts, **rows, **one)
        for row in np.random.RandomState(setting).permutation(64)[:N_ALONE]:
            own = {name: values[row] for name, values in rows.items()}
            alone = generate(model, prompts[row], row_ids=[row], **own, **one)[0]
            if (alone == together[row]).all():
                continue
            n_different += 1
            place = int(np.argmax(alone != together[row]))
            at = model, prompts[row], row, own, one['seed'], alone[:place]
            assert {alone[place], together[row, place]} <= choices(*at, CLOSE, n=1000)
            print(f'setting {setting}, row {row}, place {place}: within {CLOSE}')
    print(f'{N_SETTINGS} settings, {N_SETTINGS * N_ALONE} rows: {n_different} differ')
    assert n_different <= N_SETTINGS * N_ALONE // 500


def test_how_a_difference_is_judged(model) -> None:
    """By scores of the eval pass: they choose what was made, and little else if they may err."""
    prompts, rows, one = drawn(seed=1)
    for row in (0, 1, 2):
        own = {name: values[row] for name, values in rows.items()}
        made = generate(model, prompts[row], row_ids=[row], **own, **one)[0]
        at = model, prompts[row], row, own, one['seed'], made[:5]
        assert choices(*at) == choices(*at, CLOSE, n=1000) == {made[5]} != {one['eos_id']}
    assert len(choices(*at, close=9.0, n=1000)) > 1


@pytest.mark.parametrize(('chunk', 'longest'), [(5, 512), (32, 4), (1, 1)])
def test_chunks_and_pieces_change_nothing(model, monkeypatch, chunk, longest) -> None:
    prompts, rows, one = drawn(seed=3)
    one['max_new_tokens'] = 40
    expected = generate(model, prompts, **rows, **one)
    monkeypatch.setattr('retrax.decoding.opening.longest_piece', lambda n_rows: longest)
    for name in ('steps', 'running'):
        monkeypatch.setattr(f'retrax.decoding.{name}.CHUNK', chunk)
    again = with_weights(gru_lm())
    np.testing.assert_array_equal(generate(again, prompts, **rows, **one), expected)


def test_bf16_agrees_to_two_digits(model) -> None:
    prompts, _, _ = drawn(seed=4)
    prompts = [row for row in prompts if row]
    coarse = model.with_precision('bf16')
    together = retrax.score(coarse, prompts).log_probs
    exact = retrax.score(model, prompts).log_probs
    assert np.abs(together - exact).max() > 1e-4  # it is bf16
    for row in range(0, len(prompts), 8):
        alone = retrax.score(coarse, prompts[row]).log_probs[0]
        np.testing.assert_allclose(together[row, : len(alone)], alone, atol=2e-2)
