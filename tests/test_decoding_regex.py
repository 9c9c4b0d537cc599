"""regex: the language of Python's re, over ids; and what it says to patterns it cannot take."""

import itertools
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import retrax
from retrax.data import ByteVocabulary, CharVocabulary
from retrax.decoding import Automaton

# Ids of characters, of several, of parts of one, and one that is no text.
PIECES = ['', 'a', 'b', 'ab', 'é', '7', '\n', '-', 'ba7', b'\xc3', b'\xa9', ']']
CODES = [piece.encode() if isinstance(piece, str) else piece for piece in PIECES]
TEXTS = [ids for n in range(4) for ids in itertools.product(range(len(PIECES)), repeat=n)]

SINGLES = st.sampled_from(
    ['a', 'b', 'é', '7', r'\n', '-', '.', r'\d', r'\w', r'\S', r'\D', r'\W', r'\s', '[ab]', '[^a]']
    + ['[]a-]', r'[^\d\n]', '[a-é]', r'\x61', r'\u00e9', '{', r'\.', '[b-]', r'[\w-]', '', 'a{}']
)


def larger(inner):
    repeats = ['*', '+', '?', '{2}', '{,2}', '{1,}', '{0,2}', '*?', '+?', '??', '{1,2}?', '{,}']
    return st.one_of(
        st.tuples(inner, inner).map(''.join),
        st.tuples(inner, inner).map(lambda two: f'({two[0]}|{two[1]})'),
        st.tuples(inner, st.sampled_from(repeats)).map(lambda two: f'(?:{two[0]}){two[1]}'),
    )


@given(st.recursive(SINGLES, larger, max_leaves=6))
def test_the_language_is_that_of_re(pattern) -> None:
    expected = [ids for ids in TEXTS if matches(pattern, ids)]
    if not expected:
        return
    automaton = retrax.regex(pattern, PIECES)
    assert [ids for ids in TEXTS if automaton.accepts(ids)] == expected


def matches(pattern, ids):
    if 0 in ids:  # no text, and so not allowed
        return False
    try:
        text = b''.join(CODES[i] for i in ids).decode()
    except UnicodeDecodeError:
        return False
    return re.fullmatch(pattern, text) is not None


@pytest.mark.parametrize('pattern', [r'\w+', r'.', r'[^é]', r'\S', r'[\u0100-\uffff]', r'\d|\s'])
def test_characters_of_all_lengths(pattern) -> None:
    automaton = retrax.regex(pattern, ByteVocabulary())
    random = np.random.RandomState(0)
    some = [*range(1, 700), *random.randint(1, 0x110000, 400), 0xD7FF, 0xE000, 0xFFFF, 0x10FFFF]
    for code in some:
        if not 0xD800 <= code < 0xE000:
            character = chr(code)
            ids = np.frombuffer(character.encode(), np.uint8)
            assert automaton.accepts(ids) == bool(re.fullmatch(pattern, character)), code
            assert not automaton.accepts([*ids, 0x80])
            assert len(ids) == 1 or not automaton.accepts(ids[:-1])
    assert not automaton.accepts([0xED, 0xA0, 0x80])  # a surrogate


def test_the_vocabularies() -> None:
    date = r'\d{4}-\d\d'
    for vocabulary in (ByteVocabulary(), CharVocabulary.fit('2024-é')):
        automaton = retrax.regex(date, vocabulary)
        assert automaton.vocab_size == vocabulary.size
        assert automaton.accepts(vocabulary.encode('2024-20'))
        assert not automaton.accepts(vocabulary.encode('2024-2'))
        assert not automaton.accepts([0, *vocabulary.encode('2024-20')])
        assert automaton.n_to_end[0] == 7
    assert str(automaton) == 'Automaton(8 states, 7 ids)'


WRONG = [
    ('a(b', r'a \( without its \), at position 1 of '),
    ('ab)', r'an unmatched \), at position 2 of '),
    ('a[bc', r'a \[ without its \], at position 1'),
    ('a**', r'a repeat of a repeat: put the first into \(\?:\.\.\.\), at position 2'),
    ('a|*b', r'a \* with nothing to repeat; for the character write \\\*, at position 2'),
    (r'(a)\1', r'\\1, a reference or an octal number, which is not supported, at position 3'),
    ('(?=a)b', r'a group \(\?\.\.\.\) other than \(\?:\.\.\.\), which is not supported, at posi'),
    ('(?i)b', r'a group \(\?\.\.\.\) other than'),
    ('^a', r'a \^, which is not supported: all has to match anyway, at position 0'),
    ('a$', r'a \$, which is not supported: all has to match anyway, at position 1'),
    (r'\ba', r'\\b, which is not supported, at position 0'),
    ('a{3,2}', 'a repeat of at least 3 and at most 2 times, at position 0'),
    ('a++', r'a possessive repeat, which is not supported: take the \+ away, at position 2'),
    (r'\x1', r'\\x without its 2 hexadecimal digits, at position 0'),
    (r'\U00110000', r'\\U00110000, which is no character, at position 0'),
    ('[b-a]', 'a range b-a that does not go from one character up to another, at position 1'),
    (r'[\d-a]', r'a range \\d-a that does not go'),
    ('a\\', 'a backslash with nothing behind it, at position 1'),
    ('(a|b)*a(a|b){20}', 'the pattern needs more than 20000 states; repeat less'),
    ('x', "no text of this vocabulary matches 'x'"),
    ('ab[^\\s\\S]', 'no text of this vocabulary matches'),
]


@pytest.mark.parametrize(('pattern', 'message'), WRONG)
def test_what_is_wrong_with_a_pattern(pattern, message) -> None:
    with pytest.raises(ValueError, match=f'^regex: {message}'):
        retrax.regex(pattern, PIECES)


def test_states_that_lead_nowhere_are_taken_away() -> None:
    # 0 -> 1 -> 2 (accepting), 0 -> 3 -> 3 (never accepting), 4 is not reached.
    table = [[1, 3], [2, 3], [-1, -1], [3, 3], [2, 2]]
    automaton = Automaton(table, [False, False, True, False, True])
    assert automaton.table.tolist() == [[1, -1], [2, -1], [-1, -1]]
    assert automaton.accepting.tolist() == [False, False, True]
    assert automaton.n_to_end.tolist() == [2, 1, 0]
    assert automaton.accepts([0, 0])
    assert not automaton.accepts([0])
    assert not automaton.accepts([0, 1])
    assert Automaton(table, [False, False, True, False, True], start=4).table.tolist() == [
        [1, 1],
        [-1, -1],
    ]


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (([[0, 1]], [True]), r'table \(n_states, vocab_size\) of ints from -1 to n_states - 1'),
        (([[0.0]], [True]), r'got float64 \(1, 1\)'),
        (([0], [True]), r'got int64 \(1,\)'),
        (([[0]], [1]), r'accepting \(n_states,\) of bools'),
        (([[0]], [True], 1), 'one of the states to start in'),
        (([[0]], [False]), 'no accepting state can be reached from its start'),
    ],
)
def test_what_is_no_automaton(arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        Automaton(*arguments)
