"""Labelled texts: rows, split, batches, the two that come along, baselines by counting."""

import collections
import keyword

import numpy as np
import pytest

from retrax import data
from retrax.data import Row

ROWS = [Row('even' if i % 2 == 0 else 'odd', f'number {i}') for i in range(41)]


def test_rows_there_and_back() -> None:
    text = data.format_rows(ROWS)
    assert data.parse_rows(text) == ROWS
    assert data.parse_rows('a\tx\ty\n\n') == [Row('a', 'x\ty')]
    training, heldout = data.split_rows(ROWS)
    assert [row.text for row in heldout] == ['number 19', 'number 39']
    assert sorted(training + heldout) == sorted(ROWS)


@pytest.mark.parametrize(
    ('text', 'tagged', 'message'),
    [
        ('a\tb\nno tab here', False, "line 2: expected LABEL, a tab and a text, got 'no tab here'"),
        ('\ttext', False, 'line 1: expected LABEL'),
        ('ab\tabc', True, "a tag for each of the 3 characters of 'abc', got 2: 'ab'"),
    ],
)
def test_what_is_no_row(text: str, tagged: bool, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data.parse_rows(text, tagged)


def test_too_few_rows_to_hold_one_out() -> None:
    with pytest.raises(ValueError, match=r'expected at least 20 rows(.*)got 19'):
        data.split_rows(ROWS[:19])


def row_batches(seed: int | None) -> data.RowBatches:
    rows = [np.arange(1, i + 2, dtype=np.int32) for i in range(7)]
    return data.RowBatches(rows, [row + 10 for row in rows], batch_size=3, window=5, seed=seed)


def test_an_epoch_has_every_row_once_in_an_order_of_its_own() -> None:
    batches = row_batches(seed=1)
    assert len(batches) == 3
    orders = []
    for epoch in range(3):
        weights = [batches[step].weights for step in range(3 * epoch, 3 * epoch + 3)]
        lengths = np.concatenate(weights).sum(1).astype(int)
        assert sorted(lengths) == [0, 0, 1, 2, 3, 4, 5, 5, 5]  # two were cut, two fill the last one
        orders.append(tuple(lengths))
    assert len(set(orders)) == 3
    assert orders[0] == tuple(np.concatenate([b.weights for b in row_batches(1)]).sum(1))


def test_targets_stand_beside_their_ids() -> None:
    for batch in row_batches(seed=0):
        real = batch.weights > 0
        np.testing.assert_array_equal(real, batch.tokens > 0)
        np.testing.assert_array_equal(batch.targets[real], batch.tokens[real] + 10)
    assert row_batches(0).n_cut == 2
    with pytest.raises(IndexError, match='counts batches over all epochs'):
        row_batches(0)[-1]
    with pytest.raises(ValueError, match='row 0 has 2 ids and 1 targets'):
        data.RowBatches([np.array([1, 2])], [[3]], 1, 2)
    with pytest.raises(ValueError, match='as many targets, got 1 and 0'):
        data.RowBatches([np.array([1, 2])], [], 1, 2)


def test_agreement_is_what_it_says() -> None:
    """A parser of its own finds the class of every sentence."""
    rows = data.parse_rows(data.agreement(500))
    assert rows == data.parse_rows(data.agreement(500))
    assert len({row.text for row in rows}) == 500
    for row in rows:
        words = row.text.split()
        subject = next(w for w in words[1:] if w in (*NOUNS, *(f'{noun}s' for noun in NOUNS)))
        agrees = (words[-2] in ('are', 'were')) == subject.endswith('s')
        assert row.label == ('right' if agrees else 'wrong'), row


NOUNS = 'door key cat dog book lamp chair bird stone boat road wall cup hat tree farm'.split()


def test_python_source_is_tagged_as_python_reads_it() -> None:
    from retrax.data.python_source import TAGS, tagged_lines

    source = 'class A(B):\n    """Two\n    lines."""\n    def f(self, n=10):  # why\n'
    source += "        return g(n, key='x') if n else 1.5\n"
    found = {row.text: row.label for row in tagged_lines(source)}
    assert found == {
        'class A(B):': 'kkkkk-d-n--',
        'def f(self, n=10):  # why': 'kkk-d-nnnn--a-00----#####',
        "return g(n, key='x') if n else 1.5": 'kkkkkk-c-n--aaa-sss--kk-n-kkkk-000',
    }
    assert tagged_lines('def (:\n  "') == []
    rows = data.parse_rows(data.load('python_source').text, tagged=True)
    assert data.labels_of(rows, tagged=True) == tuple(sorted(TAGS))
    assert len(rows) == len({row.text for row in rows}) > 10_000
    begins = [row for row in rows if row.text.split(' ')[0] in ('return', 'raise', 'import')]
    assert begins
    for row in begins:
        word = row.text.split(' ')[0]
        assert keyword.iskeyword(word)
        assert row.label.startswith('k' * len(word)) or row.label[0] == '#'


def test_naive_bayes_is_its_formula() -> None:
    rows = [Row('a', 'x x y'), Row('b', 'y z'), Row('b', 'z')]
    model = data.NaiveBayes.fit(rows)
    # Three words and one for all others; a has x 2, y 1 of 3; b has y 1, z 2 of 3.
    p_a, p_b = 1 / 3 * (3 / 7) * (2 / 7), 2 / 3 * (1 / 7) * (2 / 7)
    assert model.classify('x y') == ('a' if p_a > p_b else 'b')
    p_a, p_b = 1 / 3 * (2 / 7) ** 2, 2 / 3 * (2 / 7) ** 2
    assert model.classify('y Y') == ('a' if p_a > p_b else 'b')
    assert model.classify('unknown') == 'b'
    assert model.accuracy([Row('a', 'x'), Row('a', 'z')]) == 0.5
    pairs = [Row('a', 'one two'), Row('b', 'two one')]
    assert data.NaiveBayes.fit(pairs, 2).accuracy(pairs) == 1
    assert data.NaiveBayes.fit(pairs, 1).accuracy(pairs) == 0.5


def test_tag_counts_count() -> None:
    rows = [Row('xyx', 'aba'), Row('zyx', 'aba'), Row('zyx', 'aba')]
    assert data.TagCounts.fit(rows, 0).tag('ab') == 'xy'  # a is x three times, z twice, ...
    assert data.TagCounts.fit(rows, 1).tag('aba') == 'zyx'
    assert data.TagCounts.fit(rows, 1).accuracy(rows) == pytest.approx(8 / 9)
    commonest = collections.Counter(''.join(row.label for row in rows)).most_common(1)[0][0]
    assert data.TagCounts.fit(rows, 1).tag('q') == commonest
