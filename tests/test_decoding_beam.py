"""beam_search against all texts there are, against a plain one in Python, and against Trax."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import (
    GOLDEN,
    IDS,
    UserSum,
    golden_model,
    gru_lm,
    residual,
    scan,
    shared,
    user_layer,
    with_weights,
    without_shift,
)

import retrax
from retrax import layers as tl
from retrax.combinators import StateError
from retrax.models import GRULM, LSTMLM

pytestmark = pytest.mark.usefixtures('compiled_quickly')

PROMPT = [[3, 1, 4], [9, 2, 6]]


def penalised(log_prob, length, alpha):
    return log_prob / ((5 + length) / 6) ** alpha


def log_probs_after(model, texts):
    """The model's log-probabilities of what follows each text, in float64, by the eval pass."""
    shift = 0 if model.start_id is not None else 1
    texts = [list(text) for text in texts]
    size = -(-len(texts) // 32) * 32, 16
    ids = np.zeros(size, np.int32)
    for row, text in zip(ids, texts, strict=False):
        row[: len(text)] = text
    scores = np.asarray(model.as_mode('eval')(ids), np.float64)
    found = [scores[i, len(text) - shift] for i, text in enumerate(texts)]
    return [row - np.log(np.exp(row).sum()) for row in found]


def all_texts(n_ids, n_tokens, eos_id):
    """Each text that ends in eos, or has n_tokens tokens and no eos before the last."""
    for length in range(1, n_tokens + 1):
        for text in itertools.product(range(n_ids), repeat=length):
            if eos_id not in text[:-1] and (length == n_tokens or text[-1] == eos_id):
                yield text


def plain_beams(model, prompt, n_tokens, n_beams, eos_id=None, alpha=0.0, banned=()):
    """Beam search as a person would write it down: lists of (log p, text), sorted."""
    live, finished = [(0.0, ())], []
    for length in range(1, n_tokens + 1):
        after = log_probs_after(model, [(*prompt, *text) for _, text in live])
        more = [
            (log_prob + row[i], (*text, i))
            for (log_prob, text), row in zip(live, after, strict=True)
            for i in range(len(row))
            if i not in banned
        ]
        more = sorted(more, reverse=True)
        ended = [both for both in more[:n_beams] if both[1][-1] == eos_id or length == n_tokens]
        finished += [(penalised(p, length, alpha), text) for p, text in ended]
        live = [both for both in more if both[1][-1] != eos_id][:n_beams]
    return sorted(finished, reverse=True)


def check(row, expected, n_best):
    """Compares one row of Beams with (score, text) pairs, the best first."""
    tokens, scores, _, lengths = row
    for i, (score, text) in enumerate(expected[:n_best]):
        assert tuple(tokens[i, : lengths[i]]) == text
        assert scores[i] == pytest.approx(score, abs=3e-5)


def row_of(beams, row):
    return [part[row] for part in beams]


def test_with_as_many_beams_as_texts_it_finds_the_best_of_all() -> None:
    model = with_weights(GRULM(3, 4, 1), seed=2)
    begins = [text for n in range(4) for text in itertools.product(range(3), repeat=n)]
    after = dict(zip(begins, log_probs_after(model, begins), strict=True))
    for eos_id, alpha in ((None, 0.0), (1, 0.0), (1, 0.7), (2, 3.0)):
        texts = list(all_texts(3, 4, eos_id))
        log_probs = [sum(after[text[:n]][i] for n, i in enumerate(text)) for text in texts]
        scores = [penalised(p, len(t), alpha) for p, t in zip(log_probs, texts, strict=True)]
        expected = sorted(zip(scores, texts, strict=True), reverse=True)
        found = retrax.beam_search(
            model, None, 4, n_beams=81, eos_id=eos_id, length_penalty=alpha, n_best=20
        )
        check(row_of(found, 0), expected, 20)
        assert (np.diff(found.scores) <= 0).all()


def lstm_lm():
    return LSTMLM(11, 6, 2)


class Counted(tl.Layer):
    """Adds something that depends on how often it was called: a state that all rows share."""

    has_memory = True

    def state_fn(self, signature, context):
        return jnp.zeros((), jnp.float32)

    def apply_fn(self, x, weights, state, context):
        steps = jnp.arange(x.shape[1]) + (state if context.mode == 'predict' else 0)
        return x + jnp.sin(steps)[:, None], state + x.shape[1]


def counted():
    return tl.Serial(
        tl.ShiftRight(), tl.Embedding(11, 6), UserSum(), Counted(), tl.GRU(6), tl.Dense(11)
    )


@pytest.mark.parametrize(
    'make', [gru_lm, lstm_lm, residual, shared, scan, user_layer, without_shift, counted]
)
def test_equals_a_plain_search(make) -> None:
    model = make()
    for seed, eos_id, alpha in ((0, None, 0.0), (1, 4, 0.0), (2, 7, 0.8)):
        with_weights(model, seed)
        found = retrax.beam_search(
            model, PROMPT, 7, n_beams=3, eos_id=eos_id, length_penalty=alpha, n_best=3
        )
        for row, prompt in enumerate(PROMPT):
            check(row_of(found, row), plain_beams(model, prompt, 7, 3, eos_id, alpha), 3)
        assert found.tokens.shape == (2, 3, 7)
        assert found.tokens.dtype == np.int32
        np.testing.assert_allclose(
            found.scores, penalised(found.log_probs, found.lengths, alpha), rtol=1e-6
        )


@pytest.fixture(scope='module')
def model() -> tl.Layer:
    return with_weights(gru_lm())


def test_one_beam_is_greedy(model) -> None:
    for eos_id in (None, 4, 10):
        expected = retrax.generate(model, PROMPT, 32, 0, eos_id=eos_id)
        found = retrax.beam_search(model, PROMPT, 32, n_beams=1, eos_id=eos_id)
        np.testing.assert_array_equal(found.tokens[:, 0], expected)


@pytest.mark.parametrize('case', ['GRULM_small', 'GRULM_full'])
def test_equals_trax(case) -> None:
    golden = GOLDEN[case]
    found = retrax.beam_search(golden_model(case), None, 8, n_beams=3, n_best=3)
    assert found.tokens[0].tolist() == golden['beams']
    np.testing.assert_allclose(found.scores[0], golden['beam_scores'], atol=1e-4)


def test_rows_do_not_influence_each_other(model) -> None:
    prompts = np.random.RandomState(0).randint(0, 11, (5, 4))
    options = {'n_beams': 3, 'eos_id': 4, 'length_penalty': 1.0, 'n_best': 2}
    together = retrax.beam_search(model, prompts, 12, **options)
    for i, prompt in enumerate(prompts):
        alone = retrax.beam_search(model, prompt, 12, **options)
        np.testing.assert_array_equal(alone.tokens[0], together.tokens[i])
        np.testing.assert_allclose(alone.scores[0], together.scores[i], rtol=1e-5)


def chain(rows):
    """A model whose next token depends on the last one alone, by a table of probabilities."""
    table = jnp.log(jnp.array(rows))
    made = tl.Serial(tl.ShiftRight(), tl.Fn('Table', lambda x: table[x]))
    made.init(IDS)
    return made


def test_the_length_penalty_changes_the_winner() -> None:
    # After 0: eos (1) with 0.4, or 2 with 0.6, whose text of three tokens has 0.6 * 0.8 * 0.8.
    rows = chain([[0.0, 0.4, 0.6, 0.0], [0, 1, 0, 0], [0, 0.2, 0, 0.8], [0, 0.8, 0.2, 0]])
    short = retrax.beam_search(rows, None, 4, n_beams=2, eos_id=1, n_best=2)
    assert short.tokens[0, :, 0].tolist() == [1, 2]
    np.testing.assert_allclose(short.scores[0], np.log([0.4, 0.6 * 0.8 * 0.8]), rtol=1e-6)
    long = retrax.beam_search(rows, None, 4, n_beams=2, eos_id=1, length_penalty=1.0)
    assert long.tokens[0, 0].tolist() == [2, 3, 1, 1]
    assert long.lengths.tolist() == [[3]]
    np.testing.assert_allclose(long.scores[0], np.log([0.6 * 0.8 * 0.8]) * 6 / 8, rtol=1e-6)


def test_it_is_better_than_greedy() -> None:
    rows = chain([[0, 0.6, 0.4, 0], [0.3, 0.3, 0, 0.4], [0, 0, 0, 1.0], [1.0, 0, 0, 0]])
    assert retrax.generate(rows, None, 2, 0).tolist() == [[1, 3]]
    assert retrax.beam_search(rows, None, 2, n_beams=2).tokens.tolist() == [[[2, 3]]]


def test_banned(model) -> None:
    banned = [[10, 9], [1]]
    found = retrax.beam_search(model, PROMPT, 6, n_beams=3, n_best=3, banned=banned)
    for row, prompt in enumerate(PROMPT):
        check(row_of(found, row), plain_beams(model, prompt, 6, 3, banned=banned[row]), 3)


def test_fewer_texts_than_asked_for() -> None:
    rows = chain([[0.0, 0.5, 0.5], [0, 1, 0], [0, 1, 0]])
    found = retrax.beam_search(rows, None, 1, n_beams=4, n_best=4)
    assert found.lengths.tolist() == [[1, 1, 0, 0]]
    assert np.isneginf(found.scores[0]).tolist() == [False, False, True, True]
    assert np.isneginf(found.log_probs[0]).tolist() == [False, False, True, True]


def test_a_long_search_ends_early(model, monkeypatch) -> None:
    reads = []
    get = jax.device_get
    monkeypatch.setattr(jax, 'device_get', lambda x: reads.append(x) or get(x))
    retrax.beam_search(model, [2], 3200, n_beams=3, eos_id=4)
    assert len(reads) == 2  # that the first chunk was the last; and the texts
    reads.clear()
    retrax.beam_search(model, [2], 96, n_beams=3)
    assert len(reads) == 3


def test_nothing_compiles_twice(model) -> None:
    events = []

    def listen(event, seconds, **_):
        if event == '/jax/core/compile/backend_compile_duration':
            events.append(event)

    retrax.beam_search(model, [2, 1], 40, n_beams=2, n_best=2, eos_id=3)
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        retrax.beam_search(model, [3, 4], 60, n_beams=2, n_best=2, length_penalty=1.5)
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert not events


def test_the_model_is_left_alone(model) -> None:
    predict = model.as_mode('predict')
    predict(np.array([[3]], np.int32))
    before = jax.tree.map(np.asarray, (predict.state, predict.weights))
    retrax.beam_search(predict, PROMPT, 5)
    jax.tree.map(np.testing.assert_array_equal, before, (predict.state, predict.weights))


class Mixed(tl.Layer):
    """Keeps the rows of a batch in a square: they cannot be told apart."""

    has_memory = True

    def state_fn(self, signature, context):
        return jnp.zeros((signature.shape[0], signature.shape[0]))

    def apply_fn(self, x, weights, state, context):
        return x, state


def test_a_state_without_rows_is_refused_by_its_place() -> None:
    bad = with_weights(tl.Serial(tl.ShiftRight(), tl.Embedding(4, 3), Mixed(), tl.Dense(4)))
    with pytest.raises(StateError, match=r'state of .*: its shape is \(2, 2\) for 2 rows and'):
        retrax.beam_search(bad, [1], 3)


WRONG = [
    ({'max_new_tokens': 0}, 'beam_search: max_new_tokens must be an int of at least 1, got 0'),
    ({'n_beams': 0}, 'beam_search: n_beams must be an int of at least 1, got 0'),
    (
        {'n_best': 5},
        'beam_search: n_best is 5 and n_beams is 4; .* give n_beams of at',
    ),
    (
        {'length_penalty': -1},
        'beam_search: length_penalty must be at least 0 and finite, got -1',
    ),
    ({'length_penalty': [1, 2]}, r'one for each of 1 rows, got shape \(2,\)'),
    ({'eos_id': 11}, 'beam_search: eos_id has id 11'),
    ({'prompt': [[1, 11]]}, 'beam_search: the prompt has id 11'),
    ({'prompt': [[1, 2], 3]}, 'beam_search: prompt must be .* or a list of rows of ids'),
    ({'prompt': [[1], [2]], 'batch_size': 3}, 'beam_search: prompt has 2 rows'),
    ({'banned': range(11)}, 'beam_search: banned has all 11 ids in row 0'),
]


@pytest.mark.parametrize(('arguments', 'message'), WRONG)
def test_wrong_arguments(model, arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        retrax.beam_search(model, **arguments)


def test_no_prompt_and_no_start_id() -> None:
    with pytest.raises(ValueError, match=r'beam_search: Serial has no start id.*beam_search\(mod'):
        retrax.beam_search(with_weights(without_shift()))


def test_nan_and_nothing_to_choose_from() -> None:
    poison = tl.Fn('Poison', lambda x: jnp.where(x == 7, jnp.nan, 0.0)[..., None])
    count = tl.Fn('Count', lambda x: jax.nn.one_hot((x + 1) % 9, 9) * 20)
    bad = tl.Serial(tl.ShiftRight(), tl.Branch(poison, count), tl.Add())
    bad.init(IDS)
    with pytest.raises(FloatingPointError, match='beam_search: a score of row 1 is NaN'):
        retrax.beam_search(bad, [[1], [4]], 6, n_beams=2)
    # Behind the end of a search nothing is wrong.
    found = retrax.beam_search(bad, [[4]], 9, n_beams=1, eos_id=7)
    assert found.tokens.tolist() == [[[5, 6] + 7 * [7]]]
    only = chain([[0.0, 1.0], [0.0, 1.0]])
    with pytest.raises(FloatingPointError, match='no text can be made for row 0'):
        retrax.beam_search(only, None, 3, banned=[1])
