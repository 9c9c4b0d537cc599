"""The Witten-Bell model against the formula written out with dictionaries."""

import collections
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrax.data import WittenBell, python_docs, split


def direct_probability(train: str, order: int, context: str, character: str) -> float:
    """p(c | h) = (count(h c) + N1+(h .) p(c | h')) / (count(h) + N1+(h .)), as it is written."""
    alphabet = set(train)
    if character not in alphabet:
        character = '\0'  # not in the texts of these tests
    counts = collections.defaultdict(collections.Counter)
    for k in range(order + 1):
        for i in range(k, len(train)):
            counts[train[i - k : i]][train[i]] += 1

    def p(h: str) -> float:
        lower = p(h[1:]) if h else 1 / (len(alphabet) + 1)
        followers = counts.get(h, {})
        total, different = sum(followers.values()), len(followers)
        if total == 0:
            return lower
        return (followers.get(character, 0) + different * lower) / (total + different)

    return p(context[max(0, len(context) - order) :])


@given(st.text('abcd ', min_size=1, max_size=60), st.text('abcdx ', max_size=20), st.integers(0, 4))
def test_equals_the_formula(train, text, order):
    expected = [direct_probability(train, order, text[:i], c) for i, c in enumerate(text)]
    found = WittenBell.fit(train, order).probabilities(text)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)


@given(st.text('abcd ', min_size=1, max_size=60), st.text('abcdx ', max_size=8), st.integers(0, 4))
def test_sums_to_one_over_the_alphabet_and_the_unknown(train, context, order):
    model = WittenBell.fit(train, order)
    after = [model.probabilities(context + c)[-1] for c in [*sorted(set(train)), '?']]
    assert min(after) > 0
    assert sum(after) == pytest.approx(1, abs=1e-12)


def test_bits_are_the_mean_of_minus_log2():
    model = WittenBell.fit('abracadabra', order=2)
    p = model.probabilities('abra')
    assert model.bits_per_character('abra') == pytest.approx(-sum(map(math.log2, p)) / 4, rel=1e-12)
    # By hand, order 0: (count + 5 * 1/6) / (11 + 5), 5 of each 11 characters are an a.
    assert WittenBell.fit('abracadabra', order=0).probabilities('a')[0] == pytest.approx(
        (5 + 5 / 6) / 16, rel=1e-12
    )


def test_many_different_characters_do_not_overflow():
    text = ''.join(map(chr, range(0x4E00, 0x4E00 + 20_000)))
    found = WittenBell.fit(text, order=6).probabilities(text[:5])
    expected_first = (1 + 20_000 / 20_001) / 40_000
    assert found[0] == pytest.approx(expected_first, rel=1e-12)
    assert found[4] == pytest.approx(expected_after(expected_first, 4), rel=1e-12)


def expected_after(p: float, contexts: int) -> float:
    """Each context was seen once, before this very character: p = (1 + p) / 2, k times."""
    for _ in range(contexts):
        p = (1 + p) / 2
    return p


def test_default_corpus_has_a_plausible_number_of_bits():
    train, heldout = split(python_docs().text)
    bits = [WittenBell.fit(train, order).bits_per_character(heldout) for order in (0, 1, 3)]
    assert bits[0] > bits[1] > bits[2]
    assert 4.4 < bits[0] < 5.2
    assert 2.2 < bits[2] < 3.2


def test_a_text_shorter_than_the_order():
    model = WittenBell.fit('ab', order=5)
    assert model.order == 1
    assert model.probabilities('').shape == (0,)


def test_nothing_to_count_is_refused():
    with pytest.raises(ValueError, match=r'got 0 characters and order=3'):
        WittenBell.fit('')
    with pytest.raises(ValueError, match=r'order=-1; expected .* at least 0'):
        WittenBell.fit('text', order=-1)
    with pytest.raises(ValueError, match=r'empty text'):
        WittenBell.fit('text').bits_per_character('')
