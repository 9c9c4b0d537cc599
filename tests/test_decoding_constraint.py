"""Automata as constraints of generate, stream and beam_search."""

import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import VOCAB, gru_lm, slow_generate, with_weights
from hypothesis import given, settings
from test_decoding_beam import check, log_probs_after, row_of
from test_decoding_regex import SINGLES, larger

import retrax
from retrax import layers as tl
from retrax.decoding import Automaton

pytestmark = pytest.mark.usefixtures('compiled_quickly')

# The vocabulary of the models here: 0 ends a row, one id stands for two characters.
TEXTS = ['', 'a', 'b', 'c', '0', '1', '-', ' ', 'ab', '.', 'z']
PROMPT = [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]]
PATTERN = r'(ab|c)*-?\d{2,3}'


def regex(pattern):
    return retrax.regex(pattern, TEXTS)


def text_of(ids):
    """The text of a row up to its end, and whether it has one."""
    ids = list(ids)
    n = ids.index(0) if 0 in ids else len(ids)
    return ''.join(TEXTS[i] for i in ids[:n])


@pytest.fixture(scope='module')
def model() -> tl.Layer:
    return with_weights(gru_lm())


def allowed(automaton, text, n_left, eos_id=0):
    """What may follow a text, by reading it: those after which it can be completed in time."""
    state = 0
    for i in text:
        state = state if i == eos_id else int(automaton.table[state, i])
    found = []
    for i in range(automaton.vocab_size):
        behind = int(automaton.table[state, i])
        in_time = behind >= 0 and automaton.n_to_end[behind] < n_left
        found.append(automaton.accepting[state] if i == eos_id else in_time)
    return np.array(found)


@pytest.mark.parametrize('temperature', [0.0, 1.2])
def test_it_is_sampling_from_what_is_allowed(model, temperature) -> None:
    automaton, n = regex(PATTERN), 12

    def only_allowed(scores, text):
        made = text[5:]
        if 0 in made:
            return np.where(np.arange(VOCAB) == 0, 0, -np.inf)
        return np.where(allowed(automaton, made, n - len(made)), scores, -np.inf)

    got = retrax.generate(model, PROMPT, n, temperature, seed=7, eos_id=0, constraint=automaton)
    expected = slow_generate(model, PROMPT, n, temperature, seed=7, allow=only_allowed)
    np.testing.assert_array_equal(got, expected)
    for row in got:
        assert re.fullmatch(PATTERN, text_of(row))


@settings(max_examples=40)
@given(larger(larger(SINGLES)))
def test_every_sample_matches(model, pattern) -> None:
    try:
        automaton = regex(pattern)
    except ValueError:  # no text of this vocabulary matches
        return
    if automaton.n_to_end[0] > 9:
        return
    rows = retrax.generate(model, [1], 9, 1.5, eos_id=0, batch_size=8, constraint=automaton)
    for row in rows:
        assert re.fullmatch(pattern, text_of(row)), (pattern, row)


def test_the_frequencies_are_those_of_the_renormalised_probabilities(model) -> None:
    automaton = regex('[abc]|[01]')
    n = 4000
    drawn = retrax.generate(model, [2], 1, batch_size=n, eos_id=0, constraint=automaton)
    (after,) = log_probs_after(model, [(2,)])
    chosen = np.array([1, 2, 3, 4, 5])
    p = np.exp(after[chosen]) / np.exp(after[chosen]).sum()
    counts = np.bincount(drawn[:, 0], minlength=VOCAB)
    assert counts.sum() == counts[chosen].sum()
    assert (np.abs(counts[chosen] - n * p) < 4.5 * np.sqrt(n * p * (1 - p))).all()


def test_each_row_has_its_own(model) -> None:
    patterns = [r'a{5}', None, r'(\d-)*']
    given = [None if pattern is None else regex(pattern) for pattern in patterns]
    options = {'max_new_tokens': 20, 'seed': 3, 'eos_id': 0}
    mixed = retrax.generate(model, [1], batch_size=3, constraint=given, **options)
    assert text_of(mixed[0]) == 'aaaaa'
    np.testing.assert_array_equal(mixed[1], retrax.generate(model, [1], row_ids=[1], **options)[0])
    assert re.fullmatch(patterns[2], text_of(mixed[2]))
    alone = retrax.generate(model, [1], row_ids=[2], constraint=given[2], **options)
    np.testing.assert_array_equal(alone[0], mixed[2])


def test_it_acts_on_forks_and_on_rows_alone(model) -> None:
    options = {'eos_id': 0, 'constraint': [regex(PATTERN), regex('[abc]{33,36}')], 'seed': 3}
    together = retrax.generate(model, PROMPT, 40, **options)
    alone = retrax.generate(model, PROMPT, 40, deterministic=True, **options)
    np.testing.assert_array_equal(alone, together)
    running = retrax.stream(model, PROMPT, 40, **options)
    first = next(running)
    forked = retrax.resume(model, retrax.fork(model, running, 3), seed=9)
    texts = np.concatenate([first.repeat(3, axis=0), *forked], axis=1)
    for row, pattern in zip(texts, np.repeat([PATTERN, '[abc]{33,36}'], 3), strict=True):
        assert re.fullmatch(pattern, text_of(row))


def test_with_filters_and_log_probs(model) -> None:
    automaton = regex(PATTERN)
    options = {'top_k': 2, 'repetition_penalty': 1.3, 'eos_id': 0, 'banned': [4], 'seed': 5}
    got, log_probs = retrax.generate(
        model, PROMPT, 12, constraint=automaton, return_log_probs=True, **options
    )
    for prompt, row, found in zip(PROMPT, got, log_probs, strict=True):
        assert re.fullmatch(PATTERN, text_of(row))
        assert 4 not in row
        n = len(row) if 0 not in row else list(row).index(0) + 1
        after = log_probs_after(model, [(*prompt, *row[:i]) for i in range(n)])
        np.testing.assert_allclose(
            found[:n], [a[i] for a, i in zip(after, row, strict=False)], atol=3e-5
        )


def test_another_automaton_compiles_nothing(model) -> None:
    events = []

    def listen(event, seconds, **_):
        if event == '/jax/core/compile/backend_compile_duration':
            events.append(event)

    options = {'prompt': [1, 2], 'max_new_tokens': 20, 'eos_id': 0}
    retrax.generate(model, constraint=regex('a{5}b'), **options)  # 7 states: 8
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        for pattern in ('(a|b)c?-0{3}', r'\d\d\.\d-0'):
            assert len(regex(pattern).table) in (5, 6, 7, 8)
            row = retrax.generate(model, constraint=regex(pattern), **options)[0]
            assert re.fullmatch(pattern, text_of(row))
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert not events


def test_a_stream_and_its_snapshot(model, tmp_path) -> None:
    automaton = regex(r'[abc ]{30}(\d-){5,30}')
    options = {'eos_id': 0, 'seed': 4, 'constraint': automaton}
    running = retrax.stream(model, PROMPT, 90, **options)
    next(running)
    retrax.save_snapshot(tmp_path / 'form', running.snapshot())
    again = with_weights(gru_lm())
    loaded = retrax.resume(again, retrax.load_snapshot(tmp_path / 'form', again))
    for got, expected in zip(loaded, running, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_resumed_with_less_time_it_ends_earlier(model) -> None:
    pattern = r'[abc ]{30}(\d-){20,}'
    options = {'eos_id': 0, 'constraint': regex(pattern), 'batch_size': 3, 'seed': 1}
    snapshot = retrax.stream(model, [1], 200, **options).snapshot()
    row = np.concatenate(list(retrax.resume(model, snapshot, 80)), axis=1)
    assert all(re.fullmatch(pattern, text_of(ids)) for ids in row)
    running = retrax.stream(model, [1], 200, **options)
    begin = next(running)
    short = retrax.resume(model, running.snapshot(), 56)
    row = np.concatenate([begin, *short], axis=1)
    assert row.shape == (3, 32 + 56)
    assert all(re.fullmatch(pattern, text_of(ids)) for ids in row)
    with pytest.raises(ValueError, match='resume: the constraint of row 0 needs at least '):
        retrax.resume(model, snapshot, 5)


def constrained_texts(automaton, n_tokens, eos_id):
    for length in range(n_tokens + 1):
        for text in itertools.product(range(1, VOCAB), repeat=length):
            if automaton.accepts(text):
                yield text if length == n_tokens else (*text, eos_id)


def test_beam_search_finds_the_best_text_that_is_allowed(model) -> None:
    automaton = regex(r'(ab|c)*-?\d')
    texts = list(constrained_texts(automaton, 4, 0))
    assert 40 < len(texts) < 200
    log_probs = []
    for text in texts:
        after = log_probs_after(model, [(2, *text[:i]) for i in range(len(text))])
        log_probs.append(sum(a[i] for a, i in zip(after, text, strict=True)))
    expected = sorted(zip(log_probs, texts, strict=True), reverse=True)
    found = retrax.beam_search(
        model, [2], 4, n_beams=256, eos_id=0, n_best=30, constraint=automaton
    )
    check(row_of(found, 0), expected, 30)


def test_beams_match(model) -> None:
    given = [regex(PATTERN), regex('(a|b|c){3,}')]
    found = retrax.beam_search(
        model, PROMPT, 12, n_beams=4, eos_id=0, n_best=4, length_penalty=1.0, constraint=given
    )
    for tokens, pattern in zip(found.tokens, (PATTERN, '(a|b|c){3,}'), strict=True):
        assert len({text_of(text) for text in tokens}) == 4
        assert all(re.fullmatch(pattern, text_of(text)) for text in tokens)


WRONG = [
    (
        {'constraint': 'a*'},
        r'constraint must be an Automaton, as retrax\.regex makes one, or a lis',
    ),
    ({'constraint': [regex('a')] * 3}, r'for each of 1 rows, got \[Automaton'),
    ({'constraint': Automaton([[0, 0]], [True])}, 'row 0 is for 2 ids, and the model has 11. Make'),
    (
        {'constraint': [None, regex('a{9}')], 'batch_size': 2},
        'row 1 needs at least 9 ids more, and',
    ),
    ({'constraint': regex('a'), 'eos_id': None}, 'with a constraint give eos_id, the id that ends'),
]


@pytest.mark.parametrize('who', [retrax.generate, retrax.stream, retrax.beam_search])
@pytest.mark.parametrize(('arguments', 'message'), WRONG)
def test_wrong_arguments(model, who, arguments, message) -> None:
    with pytest.raises(ValueError, match=f'^{who.__name__}: .*{message}'):
        who(model, **{'max_new_tokens': 8, 'eos_id': 0, **arguments})


def test_no_way_out(model) -> None:
    """Where the only way is banned, or impossible for the model, nothing is chosen silently."""
    options = {'max_new_tokens': 8, 'eos_id': 0}
    with pytest.raises(FloatingPointError, match=r'token 1 have .* banned or against the constr'):
        retrax.generate(model, constraint=regex('ac'), banned=[3], **options)
    with pytest.raises(FloatingPointError, match='beam_search: no text can be made for row 0'):
        retrax.beam_search(model, constraint=regex('ac'), banned=[3], **options)
    only = tl.Serial(
        tl.ShiftRight(), tl.Fn('Only', lambda x: jnp.log(jax.nn.one_hot(x * 0 + 2, VOCAB)))
    )
    only.init(tl.ShapeDtype((1, 1), np.int32))
    with pytest.raises(FloatingPointError, match='row 0 for new token 0'):
        retrax.generate(only, constraint=regex('ac'), **options)
    assert retrax.generate(only, constraint=regex('b{3,8}'), **options).tolist() == [[2] * 8]
