"""BPE and unigram vocabularies: any text there and back, the same each time, saved, missing."""

import sys
from importlib import metadata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrax import data, models, training
from retrax.cli.generate import ids_of
from retrax.data import byte_text

TEXT = data.agreement(400) + 'höhe, 漢字\n'
TEXTS = st.text(st.characters(exclude_categories=['Cs'])) | st.text('the cat\n\t\r\u2028▁Ġé\0')


@pytest.fixture(scope='module', params=['bpe', 'unigram'])
def vocabulary(request: pytest.FixtureRequest) -> data.Vocabulary:
    pytest.importorskip({'bpe': 'tokenizers', 'unigram': 'sentencepiece'}[request.param])
    return data.fit_vocabulary(request.param, TEXT, 280)


@given(text=TEXTS)
def test_any_text_is_read_back_as_it_was_written(vocabulary, text: str) -> None:
    ids = vocabulary.encode(text)
    assert ids.dtype == np.int32
    assert not (ids == 0).any()
    assert vocabulary.decode(ids) == text
    pieces = vocabulary.pieces()
    assert b''.join(pieces[i] for i in ids) == text.encode()


@given(first=TEXTS, second=TEXTS)
def test_lines_are_encoded_each_by_itself(vocabulary, first: str, second: str) -> None:
    both = vocabulary.encode(f'{first}\n{second}')
    parts = [vocabulary.encode(f'{first}\n'), vocabulary.encode(second)]
    np.testing.assert_array_equal(both, np.concatenate(parts))


def test_pieces_are_learned_and_found(vocabulary) -> None:
    pieces = vocabulary.pieces()
    assert vocabulary.size == len(pieces) == len(set(pieces)) <= 280
    assert pieces[0] == b''
    assert {bytes([i]) for i in range(256)} < set(pieces)
    assert max(map(len, pieces)) > 1
    assert len(vocabulary.encode(TEXT)) < 0.8 * len(TEXT.encode())


def test_a_second_fit_and_a_file_give_the_same(vocabulary) -> None:
    again = data.fit_vocabulary(vocabulary.kind, TEXT, 280)
    stored = data.vocabulary_from_json(vocabulary.to_json())
    assert again == stored == vocabulary
    np.testing.assert_array_equal(stored.encode('the cat'), vocabulary.encode('the cat'))
    assert data.fit_vocabulary(vocabulary.kind, TEXT, 270) != vocabulary
    changed = {**vocabulary.to_json(), 'fingerprint': '0' * 16}
    with pytest.raises(ValueError, match='the file was changed after it was written'):
        data.vocabulary_from_json(changed)


def test_a_text_with_few_pieces_gives_fewer_ids(vocabulary) -> None:
    small = data.fit_vocabulary(vocabulary.kind, 'ab', 400)
    assert 257 <= small.size < 262
    assert small.decode(small.encode('x y z\nq')) == 'x y z\nq'


def test_a_run_learns_pieces_and_notes_bits_per_byte(vocabulary, tmp_path) -> None:
    corpus = tmp_path / 'text.txt'
    corpus.write_text(TEXT, encoding='utf-8')
    sizes = {'batch_size': 2, 'window': 8, 'steps': 2, 'eval_every': 2}
    experiment = training.Experiment(
        models.GRULM(280, d_model=4),
        str(corpus),
        vocabulary.kind,
        vocabulary_size=280,
        **sizes,  # type: ignore[arg-type]
    )
    found = experiment.material().vocabulary
    experiment.model = models.GRULM(found.size, d_model=4)
    result = training.train(experiment, tmp_path / 'run')
    run = training.RunDirectory(tmp_path / 'run')
    assert run.vocabulary() == found
    library = {'bpe': 'tokenizers', 'unigram': 'sentencepiece'}[vocabulary.kind]
    assert run.facts()['versions'][library] == metadata.version(library)
    last = run.metrics()[-1]
    heldout = experiment.material().heldout_text
    ratio = len(heldout.encode()) / len(heldout)
    assert last['heldout_bits_per_byte'] * ratio == pytest.approx(result.bits_per_character)


@pytest.mark.parametrize('kind', ['bpe', 'unigram'])
def test_a_library_that_is_missing_is_named(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    library = {'bpe': 'tokenizers', 'unigram': 'sentencepiece'}[kind]
    monkeypatch.setitem(sys.modules, library, None)
    message = rf"needs the library {library}, .* pip install 'retrax\[{library}\]'"
    with pytest.raises(data.MissingLibraryError, match=message):
        data.fit_vocabulary(kind, TEXT)


def test_characters_that_are_banned_are_all_pieces_that_hold_them(vocabulary) -> None:
    pieces, banned = vocabulary.pieces(), ids_of(vocabulary, None, 'e')['banned']
    assert banned == [i for i, piece in enumerate(pieces) if b'e' in piece]
    assert any(len(pieces[i]) > 1 for i in banned)
    with pytest.raises(ValueError, match="--banned: this vocabulary can write 'é' in parts"):
        ids_of(vocabulary, None, 'é')
    with pytest.raises(
        ValueError, match=r"--eos: \d+ more pieces .* hold 'e', .* --regex '\[\^e\]\*'"
    ):
        ids_of(vocabulary, 'e', None)


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match=r'a size of at least 257, .* got 256'):
        data.fit_vocabulary('bpe', TEXT, 256)
    with pytest.raises(ValueError, match='bytes has the size that it has, got size=300'):
        data.fit_vocabulary('bytes', TEXT, 300)
    model = models.GRULM(280, d_model=4)
    with pytest.raises(ValueError, match=r"vocabulary_size is for 'bpe' and 'unigram'; 'bytes'"):
        training.Experiment(model, vocabulary_size=300)
    with pytest.raises(ValueError, match=r"'tags' has a tag for each .* 'bpe' may have several"):
        training.Experiment(model, task='tags', vocabulary='bpe')
    with pytest.raises(ValueError, match=r'train\.vocabulary: expected one of .*unigram'):
        training.Experiment(model, vocabulary='words')


@given(st.binary())
def test_bytes_are_characters_and_back(content: bytes) -> None:
    text = content.decode('utf-8', errors='replace')
    assert byte_text.read(byte_text.written(text)) == text.encode()
    assert set(byte_text.written(text)) <= set(byte_text.ALPHABET)
    assert len(set(byte_text.ALPHABET)) == 256
    assert byte_text.ALPHABET.isprintable()
