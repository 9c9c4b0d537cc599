"""Contiguous batches: each token once, row j goes on in row j, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrax.data import ContiguousBatches


@given(st.data(), st.integers(1, 7), st.integers(1, 9))
def test_each_token_is_used_once_in_stream_order(data, batch_size, window):
    n = data.draw(st.integers(2 * batch_size, 200))
    tokens = np.arange(1, n + 1)  # no 0, so that padding can be told from text
    epoch = list(ContiguousBatches(tokens, batch_size, window))
    for batch in epoch:
        assert batch.tokens.shape == batch.weights.shape == (batch_size, window)
        assert (batch.tokens.dtype, batch.weights.dtype) == (np.int32, np.float32)
    streams = np.concatenate([batch.tokens for batch in epoch], axis=1)
    weights = np.concatenate([batch.weights for batch in epoch], axis=1)
    assert set(np.unique(weights)) <= {0.0, 1.0}
    np.testing.assert_array_equal(streams[weights == 0], 0)
    # Read row after row, the streams are the text: row j of the next batch continues row j.
    np.testing.assert_array_equal(streams[weights == 1], tokens)
    lengths = weights.sum(axis=1)
    assert lengths.max() - lengths.min() <= 1
    np.testing.assert_array_equal(weights, np.arange(weights.shape[1]) < lengths[:, None])
    assert weights[0, -window:].any()  # no batch of padding alone


@given(st.integers(4, 60), st.integers(0, 200))
def test_a_batch_is_a_function_of_its_index(n, step):
    batches = ContiguousBatches(np.arange(n), batch_size=2, window=3)
    again = ContiguousBatches(np.arange(n), batch_size=2, window=3)
    expected = list(again)[step % len(again)]
    np.testing.assert_array_equal(batches[step].tokens, expected.tokens)
    np.testing.assert_array_equal(batches[step].weights, expected.weights)
    assert batches[step].fresh is (step % len(batches) == 0)


def test_the_picture_in_the_docstring():
    batches = ContiguousBatches(np.arange(11), batch_size=2, window=4)
    assert len(batches) == 2
    assert [batch.fresh for batch in batches] == [True, False]
    assert batches[0].tokens.tolist() == [[0, 1, 2, 3], [6, 7, 8, 9]]
    assert batches[1].tokens.tolist() == [[4, 5, 0, 0], [10, 0, 0, 0]]
    assert batches[1].weights.tolist() == [[1, 1, 0, 0], [1, 0, 0, 0]]
    assert repr(batches) == 'ContiguousBatches(n_tokens=11, batch_size=2, window=4, len=2)'


def test_a_batch_belongs_to_the_user():
    batches = ContiguousBatches(np.arange(11), batch_size=2, window=4)
    batches[0].tokens[:] = -1
    assert batches[0].tokens.tolist() == [[0, 1, 2, 3], [6, 7, 8, 9]]


def test_a_window_longer_than_a_stream_is_padded():
    (batch,) = ContiguousBatches([5, 6, 7, 8], batch_size=2, window=3)
    assert batch.tokens.tolist() == [[5, 6, 0], [7, 8, 0]]
    assert batch.weights.tolist() == [[1, 1, 0], [1, 1, 0]]


def test_too_short_a_text_is_refused_with_the_numbers():
    with pytest.raises(
        ValueError, match=r'got 7 tokens for batch_size=4.*that is 8\..*batch_size of at most 3'
    ):
        ContiguousBatches(np.arange(7), batch_size=4, window=2)
    with pytest.raises(ValueError, match=r'got 0 tokens.*Use a longer text\.$'):
        ContiguousBatches([], batch_size=1, window=2)


@pytest.mark.parametrize(('batch_size', 'window'), [(0, 2), (2, 0), (-1, 2)])
def test_sizes_below_one_are_refused(batch_size, window):
    with pytest.raises(ValueError, match=rf'batch_size={batch_size}, window={window}; both must'):
        ContiguousBatches(np.arange(9), batch_size, window)


def test_tokens_must_be_one_row_of_ids():
    with pytest.raises(ValueError, match=r'shape \(n,\), one running text; got shape \(2, 3\)'):
        ContiguousBatches(np.zeros((2, 3), int), 1, 2)
    with pytest.raises(TypeError, match=r'integer tokens, got dtype float64'):
        ContiguousBatches(np.zeros(9), 1, 2)
    with pytest.raises(TypeError, match=r'got dtype <U1'):
        ContiguousBatches(list('a text'), 1, 2)
    with pytest.raises(ValueError, match=r'got ids from -3 to 5'):
        ContiguousBatches([5, -3], 1, 2)
    with pytest.raises(ValueError, match=r'from 0 to 2147483647; got ids from 0 to 4294967296'):
        ContiguousBatches([0, 2**32], 1, 2)


def test_an_index_counts_from_the_first_step():
    batches = ContiguousBatches(np.arange(9), 2, 2)
    with pytest.raises(IndexError, match=r'index -1.*starts at 0'):
        batches[-1]
    with pytest.raises(TypeError):
        batches[0:2]  # type: ignore[index]
