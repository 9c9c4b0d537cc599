"""The filters against NumPy in float64, written as the field defines them, and inside generate."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import VOCAB, gru_lm, logits, slow_generate, with_weights

from retrax import layers as tl
from retrax.decoding import generate
from retrax.decoding.filters import Filters, keep_min_p, keep_top_k, keep_top_p, penalise, restrict

pytestmark = pytest.mark.usefixtures('compiled_quickly')

PROMPT = [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]]
NEVER = -np.inf


def random_scores(rows: int = 40, n: int = 30, seed: int = 0) -> np.ndarray:
    """Scores of which many are equal, and some impossible."""
    random = np.random.RandomState(seed)
    scores = np.round(random.normal(0, 3, (rows, n)) * 2) / 2
    scores[random.uniform(size=scores.shape) < 0.1] = NEVER
    return scores.astype(np.float32)


def probabilities(scores, temperature=1.0):
    scores = scores.astype(np.float64) / temperature
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


def reference_top_k(row, k):
    return np.where(row < sorted(row)[-min(k, len(row))], NEVER, row)


def reference_top_p(row, temperature, p):
    """From the least probable on, ids are left out while they have at most 1 - p together."""
    found, out = probabilities(row, temperature), row.copy()
    total = 0.0
    for i in sorted(range(len(row)), key=lambda i: (row[i], -i))[:-1]:
        total += found[i]
        if total <= 1 - p:
            out[i] = NEVER
    return out


def reference_min_p(row, temperature, p):
    found = probabilities(row, temperature)
    return np.where(found < p * found.max() * (1 - 1e-9), NEVER, row)


def reference_penalty(row, seen, penalty):
    out = row.astype(np.float64)
    for i in set(seen):
        out[i] = out[i] / penalty if out[i] > 0 else out[i] * penalty
    return out


def rows_of(value, scores):
    return jnp.full(len(scores), value)


@pytest.mark.parametrize('k', [1, 2, 7, 30, 1000])
def test_top_k(k) -> None:
    scores = random_scores()
    expected = [reference_top_k(row, k) for row in scores]
    np.testing.assert_array_equal(keep_top_k(scores, rows_of(k, scores)), expected)


@pytest.mark.parametrize('temperature', [0.5, 1.0, 3.0])
@pytest.mark.parametrize('p', [0.01, 0.37, 0.9, 1.0])
def test_top_p(p, temperature) -> None:
    scores = random_scores()
    expected = [reference_top_p(row, temperature, p) for row in scores]
    got = keep_top_p(scores, rows_of(temperature, scores), rows_of(p, scores))
    np.testing.assert_array_equal(got, expected)
    assert (np.isfinite(expected).sum() < np.isfinite(scores).sum()) == (p < 1)


@pytest.mark.parametrize('temperature', [0.5, 1.0, 3.0])
@pytest.mark.parametrize('p', [0.0, 0.021, 0.4, 1.0])
def test_min_p(p, temperature) -> None:
    scores = random_scores()
    expected = [reference_min_p(row, temperature, p) for row in scores]
    got = keep_min_p(scores, rows_of(temperature, scores), rows_of(p, scores))
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize('penalty', [0.7, 1.0, 1.3])
def test_repetition_penalty(penalty) -> None:
    scores = random_scores()
    seen = np.random.RandomState(1).randint(0, scores.shape[1], (len(scores), 9))
    mask = np.zeros(scores.shape, bool)
    np.put_along_axis(mask, seen, True, axis=1)
    expected = [reference_penalty(*both, penalty) for both in zip(scores, seen, strict=True)]
    np.testing.assert_allclose(penalise(scores, mask, rows_of(penalty, scores)), expected, 1e-6)


def test_equals() -> None:
    scores = np.array([[2.0, 2.0, 1.0, 2.0]], np.float32)
    one = jnp.ones(1)
    assert keep_top_k(scores, jnp.array([1])).tolist() == [[2, 2, NEVER, 2]]
    assert keep_top_p(scores, one, one * 0.4).tolist() == [[2, 2, NEVER, NEVER]]
    assert keep_min_p(scores, one, one).tolist() == [[2, 2, NEVER, 2]]


def test_the_order_is_the_field_s() -> None:
    scores, temperature = random_scores(), 0.8
    given = Filters(None, None, *(rows_of(x, scores) for x in (6, 0.8, 0.1)))
    expected = [
        reference_min_p(
            reference_top_p(reference_top_k(row, 6), temperature, 0.8), temperature, 0.1
        )
        for row in scores
    ]
    got = restrict(scores, rows_of(temperature, scores), None, given)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize('temperature', [0.0, 1e-30])
def test_the_largest_always_stays(temperature) -> None:
    scores = random_scores() * 1000
    one = rows_of(1e-6, scores)
    for filter_ in (keep_top_p, keep_min_p):
        kept = filter_(scores, rows_of(temperature, scores), one)
        np.testing.assert_array_equal(np.argmax(kept, axis=1), np.argmax(scores, axis=1))


# ---------------------------------------------------------------------------------- in generate


@pytest.fixture(scope='module')
def model() -> tl.Layer:
    return with_weights(gru_lm())


@pytest.fixture(scope='module')
def raw() -> tl.Layer:
    return with_weights(logits(), scale=1.0)


NOTHING = [
    {'top_k': VOCAB, 'top_p': 1.0},
    {
        'top_k': [VOCAB, 99],
        'top_p': 1,
        'min_p': [0, 0],
        'repetition_penalty': 1,
        'banned': [[], []],
    },
]


@pytest.mark.parametrize('nothing', NOTHING, ids=lambda options: '-'.join(options))
def test_filters_that_take_nothing_away_change_nothing(model, nothing) -> None:
    expected = generate(model, PROMPT, 25, 0.9, seed=7)
    np.testing.assert_array_equal(generate(model, PROMPT, 25, 0.9, seed=7, **nothing), expected)


SOME = [
    ({'top_k': 3}, lambda row, _: reference_top_k(row, 3)),
    ({'top_p': 0.6}, lambda row, _: reference_top_p(row, 0.9, 0.6)),
    ({'min_p': 0.2}, lambda row, _: reference_min_p(row, 0.9, 0.2)),
    ({'repetition_penalty': 1.5}, lambda row, seen: reference_penalty(row, seen, 1.5)),
    ({'banned': [3, 8]}, lambda row, _: np.where(np.isin(np.arange(VOCAB), [3, 8]), NEVER, row)),
]


@pytest.mark.parametrize(('options', 'reference'), SOME, ids=[next(iter(o)) for o, _ in SOME])
def test_equals_the_oracle(raw, options, reference) -> None:
    got = generate(raw, PROMPT, 20, 0.9, seed=7, **options)
    expected = slow_generate(raw, PROMPT, 20, 0.9, seed=7, allow=reference)
    np.testing.assert_array_equal(got, expected)
    assert (got != generate(raw, PROMPT, 20, 0.9, seed=7)).any()


def test_a_penalty_acts_on_the_scores_that_the_model_gives(model) -> None:
    """Here log-probabilities: with another constant in them another text comes."""
    got = generate(model, PROMPT, 20, 0.9, seed=7, repetition_penalty=1.5)
    penalty = functools.partial(reference_penalty, penalty=1.5)
    expected = slow_generate(model, PROMPT, 20, 0.9, seed=7, allow=penalty)
    np.testing.assert_array_equal(got, expected)


def test_each_row_has_its_own(model) -> None:
    first = {'top_k': 2, 'top_p': 1.0, 'min_p': 0.5, 'repetition_penalty': 2.0, 'banned': [1, 2]}
    second = {'top_k': VOCAB, 'top_p': 0.3, 'min_p': 0, 'repetition_penalty': 1.0, 'banned': []}
    run = functools.partial(generate, model, PROMPT, 30, seed=4)
    mixed = run(**{name: [first[name], second[name]] for name in first})
    np.testing.assert_array_equal(mixed[0], run(**first)[0])
    np.testing.assert_array_equal(mixed[1], run(**second)[1])


def test_a_text_that_is_cut_goes_on_as_before(model) -> None:
    options = {'repetition_penalty': 1.4, 'top_k': 5, 'seed': 2}
    whole = generate(model, PROMPT, 50, **options)
    prompt = np.concatenate([PROMPT, whole[:, :13]], axis=1)
    np.testing.assert_array_equal(generate(model, prompt, 37, **options), whole[:, 13:])


def test_log_probs_are_the_model_s_own(model, raw) -> None:
    for given in (model, raw):
        tokens, got = generate(
            given, PROMPT, 20, 0.5, seed=3, top_k=4, banned=[2], return_log_probs=True
        )
        np.testing.assert_array_equal(
            tokens, generate(given, PROMPT, 20, 0.5, seed=3, top_k=4, banned=[2])
        )
        text = np.concatenate([PROMPT, tokens], axis=1).astype(np.int32)
        scores = np.asarray(given.as_mode('eval')(text), np.float64)[:, 5:]
        scores -= np.log(np.exp(scores).sum(axis=-1, keepdims=True))
        expected = np.take_along_axis(scores, tokens[..., None], axis=-1)[..., 0]
        np.testing.assert_allclose(got, expected, atol=2e-5)
        assert got.dtype == np.float32


def test_log_probs_behind_an_eos_are_0(model) -> None:
    tokens, log_probs = generate(model, [2], 60, seed=6, eos_id=4, return_log_probs=True)
    end = int(np.argmax(tokens[0] == 4))
    assert (tokens[0, end:] == 4).all()
    assert (log_probs[0, : end + 1] < 0).all()
    assert (log_probs[0, end + 1 :] == 0).all()


def test_all_that_is_left_is_impossible() -> None:
    only = tl.Serial(
        tl.ShiftRight(), tl.Fn('Only', lambda x: jnp.log(jax.nn.one_hot(x * 0 + 2, 4)))
    )
    only.init(tl.ShapeDtype((1, 1), np.int32))
    assert generate(only, max_new_tokens=2).tolist() == [[2, 2]]
    with pytest.raises(FloatingPointError, match=r'row 0 for new token 0 .* the others are banned'):
        generate(only, max_new_tokens=2, banned=[2])


def test_nan_is_found_behind_every_filter(model) -> None:
    poison = tl.Fn('Poison', lambda x: jnp.where(jnp.arange(5) == 3, jnp.nan, x[..., None] * 0.0))
    bad = tl.Serial(tl.ShiftRight(), poison)
    bad.init(tl.ShapeDtype((1, 1), np.int32))
    for options in ({'top_k': 1, 'top_p': 0.5, 'min_p': 0.5}, {'banned': [3]}):
        with pytest.raises(FloatingPointError, match='no finite maximum'):
            generate(bad, max_new_tokens=2, **options)
