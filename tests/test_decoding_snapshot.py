"""A stream as a value: it goes on with the same text, from memory and from a file."""

import jax
import numpy as np
import pytest
from decoding_oracle import VOCAB, gru_lm, logits, with_weights

import retrax
from retrax import layers as tl
from retrax.checkpoints import CheckpointError
from retrax.combinators import StateError

pytestmark = pytest.mark.usefixtures('compiled_quickly')

PROMPT = [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]]
OPTIONS = {
    'top_k': [5, 6],
    'repetition_penalty': 1.2,
    'banned': [3],
    'eos_id': 8,
    'seed': jax.random.key(4),
}


@pytest.fixture(scope='module')
def model() -> tl.Layer:
    return with_weights(gru_lm())


def joined(chunks):
    return np.concatenate(list(chunks), axis=1)


@pytest.mark.parametrize('n_before', [0, 1, 2, 3])
def test_it_goes_on_with_the_same_text(model, n_before) -> None:
    running = retrax.stream(model, PROMPT, 70, seed=2)
    for _ in range(n_before):
        next(running)
    snapshot = running.snapshot()
    rest = [chunk.tolist() for chunk in running]
    for _ in range(2):  # a snapshot is not used up
        assert [chunk.tolist() for chunk in retrax.resume(model, snapshot)] == rest


def test_another_seed_counts_from_the_next_unread_token(model) -> None:
    running = retrax.stream(model, PROMPT, 70, seed=2, repetition_penalty=1.2)
    first = next(running)
    text = np.concatenate([PROMPT, first], axis=1)
    expected = retrax.generate(model, text, 40, seed=3, repetition_penalty=1.2)
    rest = joined(retrax.resume(model, running.snapshot(), 40, seed=3))
    np.testing.assert_array_equal(rest, expected)


def test_other_seeds_and_temperatures(model) -> None:
    start = retrax.stream(model, PROMPT, 40).snapshot()
    for seed, temperature in ((5, 1.0), (6, [0.3, 2.0])):
        forked = joined(retrax.resume(model, start, 50, temperature, seed))
        np.testing.assert_array_equal(
            forked, retrax.generate(model, PROMPT, 50, temperature, seed=seed)
        )


@pytest.mark.parametrize(
    'options',
    [{}, {**OPTIONS, 'return_log_probs': True}, {**OPTIONS, 'deterministic': True}],
)
def test_through_a_file(model, options, tmp_path) -> None:
    running = retrax.stream(model, PROMPT, 100, **options)
    next(running)
    retrax.save_snapshot(tmp_path / 'story', running.snapshot())
    again = with_weights(gru_lm())  # as another process would make it
    loaded = retrax.resume(again, retrax.load_snapshot(tmp_path / 'story', again))
    rest = list(running)
    assert rest
    for got, expected in zip(loaded, rest, strict=True):
        jax.tree.map(np.testing.assert_array_equal, got, expected)


@pytest.mark.parametrize('deterministic', [False, True])
def test_forks(model, deterministic) -> None:
    options = {'top_k': [5, 6], 'repetition_penalty': 1.3, 'seed': 2}
    running = retrax.stream(model, PROMPT, 50, deterministic=deterministic, **options)
    first = next(running)
    forked = retrax.fork(model, running, 3)
    rest = joined(retrax.resume(model, forked))
    np.testing.assert_array_equal(rest[::3], joined(running))  # the first copies go on as they were
    text = np.repeat(np.concatenate([PROMPT, first], axis=1), 3, axis=0)
    options['top_k'] = np.repeat(options['top_k'], 3)
    expected = retrax.generate(model, text, 18, row_ids=[0, 2, 4, 1, 3, 5], **options)
    np.testing.assert_array_equal(rest, expected)
    assert len(np.unique(rest, axis=0)) == 6
    named = retrax.fork(model, forked, 1, row_ids=[7, 7, 7, 1, 3, 5])
    again = joined(retrax.resume(model, named))
    np.testing.assert_array_equal(again[3:], rest[3:])
    assert (again[:3] == again[0]).all()
    with pytest.raises(ValueError, match='fork: n must be an int of at least 1, got 0'):
        retrax.fork(model, running, 0)
    with pytest.raises(ValueError, match='fork: row_ids must be 4 ints'):
        retrax.fork(model, running, 2, row_ids=[1, 2])


def test_forks_have_numbers_of_their_own(model) -> None:
    last = retrax.stream(model, [1], 40, row_ids=[2**31 - 1])
    assert np.unique(retrax.fork(model, last, 2).settings.row_ids).tolist() == [
        2**31 - 1,
        2**32 - 1,
    ]
    with pytest.raises(ValueError, match=r'fork: .* 3 copies of each cannot all .* as row_ids'):
        retrax.fork(model, last, 3)
    given = retrax.fork(model, last, 3, row_ids=[0, 1, 2]).settings.row_ids
    assert given.tolist() == [0, 1, 2]


def test_other_weights_are_refused_by_path(model, tmp_path) -> None:
    again = with_weights(gru_lm())
    running = retrax.stream(again, PROMPT, 40, seed=2)
    snapshot = running.snapshot()
    weights = list(again.weights)
    weights[3] = jax.tree.map(lambda w: w * 1.0001, weights[3])
    again.weights = tuple(weights)
    with pytest.raises(StateError, match=r'resume: .* the first that differs is GRU#2.b1'):
        retrax.resume(again, snapshot)
    retrax.save_snapshot(tmp_path / 'story', snapshot)
    loaded = retrax.load_snapshot(tmp_path / 'story', again)
    with pytest.raises(StateError, match=r'or say other_weights=True to go on with these'):
        retrax.resume(again, loaded)
    retrax.resume(model, loaded)
    anyway = retrax.resume(again, loaded, other_weights=True)
    assert joined(anyway).shape == (2, 40)
    retrax.resume(again, anyway.snapshot())  # which is of the weights that are there now
    np.testing.assert_array_equal(  # the stream goes on with the weights that it began with
        joined(running), retrax.generate(model, PROMPT, 40, seed=2)
    )


def test_another_model_is_refused_by_path(model, tmp_path) -> None:
    snapshot = retrax.stream(model, PROMPT, 40).snapshot()
    retrax.save_snapshot(tmp_path / 'story', snapshot)
    equal_shapes = tl.Serial(
        tl.ShiftRight(),
        tl.Embedding(VOCAB, 8),
        [tl.GRU(8), tl.GRU(8), tl.Relu()],
        tl.Dense(VOCAB),
        tl.LogSoftmax(),
    )
    for other in (with_weights(equal_shapes), with_weights(logits())):
        with pytest.raises(StateError, match=r'state of GRU#1: expected a snapshot of Serial'):
            retrax.resume(other, snapshot)
        with pytest.raises(StateError, match=r'state of GRU#1: expected a snapshot of Serial'):
            retrax.load_snapshot(tmp_path / 'story', other)


def test_a_model_without_state_or_weights(tmp_path) -> None:
    count = tl.Serial(tl.ShiftRight(), tl.Fn('Count', lambda x: jax.nn.one_hot(x + 1, 50)))
    count.init(tl.ShapeDtype((1, 1), np.int32))
    running = retrax.stream(count, None, 40, 0)
    next(running)
    retrax.save_snapshot(tmp_path / 'story', running.snapshot())
    rest = retrax.resume(count, retrax.load_snapshot(tmp_path / 'story', count))
    assert joined(rest).tolist() == [[*range(33, 41)]]


def test_other_checkpoints_and_other_batches_are_refused(model, tmp_path) -> None:
    retrax.checkpoints.save(tmp_path / 'weights', model.weights, {})
    with pytest.raises(CheckpointError, match='expected a snapshot of a generation'):
        retrax.load_snapshot(tmp_path / 'weights', model)
    snapshot = retrax.stream(model, PROMPT, 40).snapshot()
    with pytest.raises(ValueError, match='one for each of 2 rows'):
        retrax.resume(model, snapshot, temperature=[1.0] * 3)
    with pytest.raises(ValueError, match='resume: max_new_tokens must be an int'):
        retrax.resume(model, snapshot, -1)
    mixed = snapshot._replace(state=retrax.stream(model, [1, 2], 40).snapshot().state)
    with pytest.raises(ValueError, match=r'state of GRU#1: expected shapes \(2, 8\), got \(1, 8\)'):
        retrax.resume(model, mixed)
