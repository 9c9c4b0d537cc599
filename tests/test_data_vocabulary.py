"""Vocabularies: round trips, fingerprints, and ids that are out of range."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrax.data import ByteVocabulary, CharVocabulary, check_ids, vocabulary_from_json

texts = st.text(st.characters(exclude_characters='\0', exclude_categories=('Cs',)))


@given(texts)
def test_bytes_round_trip(text):
    vocabulary = ByteVocabulary()
    ids = vocabulary.encode(text)
    assert ids.dtype == np.int32
    assert ids.tolist() == list(text.encode('utf-8'))
    assert vocabulary.decode(np.concatenate([[0], ids, [0, 0]]).astype(np.int32)) == text


@given(st.text(st.characters(), min_size=1), st.text(st.characters()))
def test_characters_round_trip(text, other):
    vocabulary = CharVocabulary.fit(text)
    ids = vocabulary.encode(text)
    assert ids.dtype == np.int32
    assert vocabulary.decode(ids) == text
    assert vocabulary.size == len(set(text)) + 2
    in_order = ['', '', *sorted(set(text))]
    assert vocabulary.encode(other).tolist() == [
        in_order.index(c) if c in set(text) else 1 for c in other
    ]


def test_ids_do_not_depend_on_counts_or_places():
    assert CharVocabulary.fit('cab') == CharVocabulary.fit('aabbcc')
    assert CharVocabulary.fit('cab').encode('abc?').tolist() == [2, 3, 4, 1]
    assert CharVocabulary.fit('cab').decode([0, 2, 1, 0, 4]) == 'a\ufffdc'


def test_a_broken_byte_sequence_is_replaced():
    assert ByteVocabulary().decode([104, 195, 104]) == 'h\ufffdh'


def test_fingerprints_tell_vocabularies_apart():
    vocabularies = [ByteVocabulary(), CharVocabulary('ab'), CharVocabulary('abc')]
    assert len({v.fingerprint for v in vocabularies}) == len(set(vocabularies)) == 3
    assert all(len(v.fingerprint) == 16 and int(v.fingerprint, 16) for v in vocabularies)
    assert ByteVocabulary() == ByteVocabulary() != CharVocabulary('ab')
    assert CharVocabulary('ab') != 'ab'
    # Stored in checkpoints: a change of these digits is a change of the file format.
    assert CharVocabulary('ab').fingerprint == '0e5248fe76fb5b11'
    assert ByteVocabulary().fingerprint == 'eb929771327edd99'


@pytest.mark.parametrize('vocabulary', [ByteVocabulary(), CharVocabulary.fit('naïve "text"\n')])
def test_json_round_trip(vocabulary):
    stored = json.loads(json.dumps(vocabulary.to_json()))
    assert vocabulary_from_json(stored) == vocabulary
    assert type(vocabulary_from_json(stored)) is type(vocabulary)
    assert vocabulary_from_json(stored).start_id == 0


def test_json_that_was_changed_is_refused():
    stored = CharVocabulary('abc').to_json()
    with pytest.raises(ValueError, match=r'fingerprint \w{16}, but \w{16} was stored'):
        vocabulary_from_json({**stored, 'characters': 'abd'})
    with pytest.raises(ValueError, match=r'in code-point order'):
        vocabulary_from_json({**stored, 'characters': 'acb'})
    with pytest.raises(ValueError, match=r"kind 'words' is unknown.*'bytes', 'characters'"):
        vocabulary_from_json({**stored, 'kind': 'words'})
    with pytest.raises(ValueError, match=r"cannot be made from the entries \['characters', 'x'\]"):
        vocabulary_from_json({**stored, 'x': 1})


def test_nul_is_refused_where_it_would_be_lost():
    with pytest.raises(ValueError, match=r'NUL character at position 2.*text\.replace'):
        ByteVocabulary().encode('ab\0')
    assert CharVocabulary.fit('a\0').decode(CharVocabulary.fit('a\0').encode('\0a')) == '\0a'


@pytest.mark.parametrize('characters', ['', 'ba', 'aa'])
def test_characters_must_be_in_order(characters):
    with pytest.raises(ValueError, match=r'expected at least one, each once'):
        CharVocabulary(characters)


def test_fit_refuses_an_empty_text():
    with pytest.raises(ValueError, match=r'empty text'):
        CharVocabulary.fit('')


def test_decode_names_the_id_the_position_and_the_size():
    with pytest.raises(
        ValueError, match=r'ByteVocabulary\.decode: id 256 at position 1 .* 256 ids'
    ):
        ByteVocabulary().decode([1, 256, 300])
    with pytest.raises(
        ValueError, match=r'CharVocabulary\.decode: id -1 at position 0 .* \(0 to 3\)'
    ):
        CharVocabulary('ab').decode([-1])
    with pytest.raises(ValueError, match=r'one sequence.*\(1, 2\).*row by row'):
        ByteVocabulary().decode([[65, 66]])


def test_check_ids_returns_int32_of_the_same_shape():
    checked = check_ids(np.array([[0, 3], [2, 1]], np.uint8), 4, 'a prompt')
    assert checked.dtype == np.int32
    assert checked.tolist() == [[0, 3], [2, 1]]
    assert check_ids([], 4, 'a prompt').shape == (0,)
    assert check_ids(3, 4, 'a prompt') == 3


def test_check_ids_teaches():
    with pytest.raises(
        ValueError,
        match=r'the prompt: id 4 at position \(1, 0\) is outside the vocabulary of 4 ids',
    ):
        check_ids([[0, 1], [4, -1]], 4, 'the prompt')
    with pytest.raises(ValueError, match=r'id 7 at position 0'):
        check_ids(7, 4, 'the prompt')
    with pytest.raises(TypeError, match=r'the prompt: expected integer ids, got dtype float64'):
        check_ids([0.5], 4, 'the prompt')
    with pytest.raises(TypeError, match=r'got dtype bool'):
        check_ids([True], 4, 'the prompt')
