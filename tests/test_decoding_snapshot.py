"""A stream as a value: it goes on with the same text, from memory and from a file."""

import jax
import numpy as np
import pytest
from decoding_oracle import VOCAB, gru_lm, logits, with_weights

import retrax
from retrax import layers as tl
from retrax.checkpoints import CheckpointError
from retrax.combinators import StateError

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


def test_forks(model) -> None:
    start = retrax.stream(model, PROMPT, 40).snapshot()
    for seed, temperature in ((5, 1.0), (6, [0.3, 2.0])):
        forked = joined(retrax.resume(model, start, 50, temperature, seed))
        np.testing.assert_array_equal(
            forked, retrax.generate(model, PROMPT, 50, temperature, seed=seed)
        )


@pytest.mark.parametrize('options', [{}, {**OPTIONS, 'return_log_probs': True}])
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
