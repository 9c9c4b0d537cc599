"""Buckets, packing and documents: nothing is lost, nothing leaks, any batch can be gone on from."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tolerances import assert_close

from retrax import data, training
from retrax import layers as tl
from retrax.training.examples import batches_from

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=30)


def rows_of(lengths: list[int]) -> list[np.ndarray]:
    """Rows whose ids are all different, so that each can be found again."""
    ends = np.cumsum(lengths)
    return [
        np.arange(end - n + 1, end + 1, dtype=np.int32)
        for end, n in zip(ends, lengths, strict=True)
    ]


def found(batches: list, weights_of: str = 'weights') -> list[int]:
    return sorted(i for b in batches for i in b.tokens[getattr(b, weights_of) > 0].tolist())


@given(LENGTHS, st.none() | st.integers(0, 3), st.integers(0, 2))
def test_buckets_have_every_row_once_in_each_epoch(lengths, seed, epoch) -> None:
    rows = rows_of(lengths)
    batches = data.BucketBatches(rows, rows, [3, 9], [4, 2], seed)
    taken = [batches[epoch * len(batches) + i] for i in range(len(batches))]
    assert found(taken) == list(range(1, sum(lengths) + 1))
    for batch in taken:
        assert batch.tokens.shape in [(4, 3), (2, 9)]
        np.testing.assert_array_equal(batch.tokens, batch.targets)
        np.testing.assert_array_equal(batch.weights, (batch.tokens > 0).astype(np.float32))
    again = data.BucketBatches(rows, rows, [3, 9], [4, 2], seed)
    step = epoch * len(again) + len(again) // 2
    np.testing.assert_array_equal(again[step].tokens, taken[len(again) // 2].tokens)


def test_buckets_take_labels_and_other_texts() -> None:
    rows = rows_of([2, 3, 8])
    labelled = data.BucketBatches(rows, [7, 8, 9], [4, 8], [3, 1])
    assert [b.targets.tolist() for b in labelled] == [[7, 8, 0], [9]]
    assert [b.weights.tolist() for b in labelled] == [[1, 1, 0], [1]]
    pairs = data.BucketBatches(rows, rows_of([4, 1, 1]), [4, 8], [2, 1])
    assert pairs[0].targets.tolist() == [[1, 2, 3, 4], [5, 0, 0, 0]]
    assert pairs[0].weights.tolist() == [[1, 1, 1, 1], [1, 0, 0, 0]]


@pytest.mark.parametrize(
    ('boundaries', 'sizes', 'message'),
    [
        ([4, 4], [1, 1], r'boundaries that increase .* got boundaries=\[4, 4\]'),
        ([4, 8], [1], r'a batch size for each.*batch_sizes=\[1\]'),
        ([8], [0], r'batch sizes from 1 up, got \[0\]'),
        ([2, 4], [1, 1], r'row 1 has length 8, the last boundary is 4'),
    ],
)
def test_what_are_no_buckets(boundaries, sizes, message) -> None:
    with pytest.raises(ValueError, match=message):
        data.BucketBatches(rows_of([2, 8]), [0, 0], boundaries, sizes)


@given(LENGTHS, st.none() | st.integers(0, 3), st.integers(1, 3))
def test_packing_has_every_text_once_and_whole(lengths, seed, batch_size) -> None:
    texts = rows_of(lengths)
    batches = data.PackedBatches(texts, batch_size, 10, seed)
    assert found(list(batches)) == list(range(1, sum(lengths) + 1))
    starts = [b.tokens[b.resets > 0].tolist() for b in batches]
    assert sorted(itertools.chain(*starts)) == [text[0] for text in texts]
    for batch in batches:  # between two texts there is one start id
        inside = (batch.weights[:, 1:] > 0) & (batch.weights[:, :-1] > 0)
        assert not batch.resets[:, 1:][inside].any()
    np.testing.assert_array_equal(
        data.PackedBatches(texts, batch_size, 10, seed)[len(batches)].tokens,
        batches[len(batches)].tokens,
    )


def test_packing_fills_rows() -> None:
    random = np.random.default_rng(0)
    batches = data.PackedBatches(rows_of(random.integers(5, 60, 400).tolist()), 1, 128)
    assert np.mean([batch.weights.mean() for batch in batches]) > 0.9


def test_what_cannot_be_packed() -> None:
    with pytest.raises(ValueError, match='at least one id, got none'):
        data.PackedBatches([], 1, 4)
    with pytest.raises(ValueError, match='got an empty one'):
        data.PackedBatches([np.array([1]), np.array([], int)], 1, 4)
    with pytest.raises(ValueError, match='window=0; both must be at least 1'):
        data.PackedBatches(rows_of([1]), 1, 0)
    assert data.PackedBatches(rows_of([7]), 1, 4).n_cut == 1


def resetting(vocab_size: int = 30) -> tl.Serial:
    model = tl.Serial(
        tl.ShiftRight(),
        tl.Embedding(vocab_size, 4),
        tl.Recurrent(tl.GRUCell(4), resets=True),
        tl.Dense(vocab_size),
        tl.LogSoftmax(),
    )
    model.init((tl.ShapeDtype((1, 4), np.int32), tl.ShapeDtype((1, 4), np.float32)), rng=0)
    return model


def test_a_packed_text_is_worth_what_it_is_worth_alone() -> None:
    texts, model = rows_of([5, 2, 7, 1, 4, 3]), resetting()
    packed = training.evaluate(model, data.PackedBatches(texts, 2, 9))
    alone = training.evaluate(model, [by_itself(text, 9) for text in texts])
    assert packed.n_tokens == alone.n_tokens == 22
    assert_close(packed.nats, alone.nats)


def by_itself(text: np.ndarray, width: int) -> tuple[np.ndarray, ...]:
    """Inputs (tokens, resets), targets and weights of a row that has one text."""
    tokens = np.pad(text, (0, width - len(text)))[None]
    return tokens, np.eye(1, width, dtype=np.float32), tokens, (tokens > 0).astype(np.float32)


@pytest.mark.parametrize('window', [3, 4, 50])
def test_documents_in_a_stream_are_worth_what_they_are_worth_alone(window: int) -> None:
    texts, model = rows_of([5, 2, 7, 1, 4, 3]), resetting()
    stream = np.concatenate([np.append(text, 0) for text in texts])
    streamed = data.ContiguousBatches(stream, 1, window, documents=True)
    packed = training.evaluate(model, data.PackedBatches(texts, 2, 9))
    assert_close(training.evaluate(model, streamed).nats, packed.nats)
    halves = data.ContiguousBatches(stream, 2, window, documents=True)
    assert found(list(halves)) == list(range(1, 23))


def test_resets_are_for_models_that_take_them() -> None:
    batches = data.PackedBatches(rows_of([3, 2]), 1, 8)
    plain = tl.Serial(tl.ShiftRight(), tl.Embedding(9, 4), tl.Dense(9), tl.LogSoftmax())
    with pytest.raises(ValueError, match=r'This batch has them, the model takes 1\.'):
        training.evaluate(plain, batches)
    with pytest.raises(ValueError, match=r'This batch has none, the model takes 2\.'):
        training.evaluate(resetting(), data.ContiguousBatches(np.arange(9), 1, 4))


# ------------------------------------------------------------------------ the carry and its row


class Walk:
    """Contiguous batches in an order of one's own."""

    is_contiguous = True

    def __init__(self, *batches: data.Batch):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


def test_a_row_that_does_not_continue_is_an_error_that_names_it() -> None:
    model = tl.Serial(
        tl.ShiftRight(), tl.Embedding(40, 4), tl.GRU(4), tl.Dense(40), tl.LogSoftmax()
    )
    model.init(tl.ShapeDtype((2, 4), np.int32), rng=0)
    first, second, third = data.ContiguousBatches(np.arange(1, 25), 2, 4)
    training.evaluate(model, Walk(first, second, third))
    training.evaluate(model, Walk(second, third, first, second))  # a fresh one may follow anything
    leak = r'row 0 of this batch begins at token 8 of its text, but .* that after token 3:'
    with pytest.raises(ValueError, match=leak):
        training.evaluate(model, Walk(first, third))
    swapped = second._replace(starts=second.starts[::-1])
    with pytest.raises(
        ValueError, match=r'row 0 of this batch begins at token 16 .* after token 3'
    ):
        retrained(model, Walk(first, swapped))
    one_row = second._replace(starts=second.starts + [0, 1])
    with pytest.raises(
        ValueError, match=r'row 1 of this batch begins at token 17 .* after token 15'
    ):
        retrained(model, Walk(first, one_row))


def retrained(model, walk) -> None:
    next(training.Trainer(model, walk, training.Adam(1e-2)).run(2))


def test_a_row_may_begin_elsewhere_behind_the_end_of_a_document() -> None:
    def stream(*ids: int) -> data.Batch:
        return data.ContiguousBatches(np.array(ids), 1, 4, documents=True)[0]

    model, ended, cut, other = (
        resetting(),
        stream(5, 6, 7, 0),
        stream(5, 6, 7, 8),
        stream(9, 10, 11, 4),
    )
    elsewhere = other._replace(fresh=False, starts=np.array([100]))
    joined = training.evaluate(model, Walk(ended, elsewhere))
    alone = [training.evaluate(model, [batch]).nats for batch in (ended, other)]
    assert_close(joined.nats, sum(alone))
    not_reset = elsewhere._replace(resets=0 * elsewhere.resets)
    for leak in (Walk(cut, elsewhere), Walk(ended, not_reset)):
        with pytest.raises(ValueError, match='row 0 of this batch begins at token 100'):
            training.evaluate(model, leak)


class Again:
    """Batches that can be gone through again and have no indices."""

    def __init__(self, n: int):
        self.n = n

    def __iter__(self):
        return (np.full((1, 3), i + 1, np.int32) for i in range(self.n))


@pytest.mark.parametrize('step', [0, 2, 3, 7])
def test_data_without_indices_goes_on_at_its_step(step: int) -> None:
    batches = batches_from(Again(3), step)
    assert [int(next(batches)[0, 0]) for _ in range(4)] == [1 + (step + i) % 3 for i in range(4)]
