"""Runs that learn from documents, from packed rows and from files of tokens."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from tolerances import assert_close

import retrax
from retrax import data, training
from retrax import layers as tl
from retrax.training import Experiment, RunDirectory

pytestmark = pytest.mark.usefixtures('compiled_quickly')

DOCUMENTS = [f'{"cat dog"[4 * (i % 2) :][:3]} {i} sat' + '!' * (i % 7) for i in range(40)]
SETTINGS = {'batch_size': 3, 'window': 8, 'steps': 6, 'eval_every': 4, 'log_every': 2}


def model_of(vocab_size: int = 256, resets: bool = True) -> tl.Serial:
    return tl.Serial(
        tl.ShiftRight(),
        tl.Embedding(vocab_size, 4),
        tl.Recurrent(tl.GRUCell(4), resets=resets),
        tl.Dense(vocab_size),
        tl.LogSoftmax(),
    )


@pytest.fixture(scope='module')
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp('corpus') / 'documents.txt'
    file.write_text('\n\n'.join(DOCUMENTS))
    return file


class Stop(training.Reporter):
    def evaluated(self, step, evaluation, model) -> None:
        if step == 4:
            raise KeyboardInterrupt


def gone_on(told: Experiment, whole: Path, cut: Path) -> None:
    """Trains twice, once with a break, and compares all that both left."""
    other = dataclasses.replace(told, model=model_of(resets=told.what.n_in == 2))
    training.train(told, whole, 'config')
    with pytest.raises(KeyboardInterrupt):
        training.train(other, cut, 'config', Stop())
    training.train(other, cut, 'config')
    one, two = RunDirectory(whole), RunDirectory(cut)
    for name in ('arrays.safetensors', 'checkpoint.json'):
        assert (one.newest / name).read_bytes() == (two.newest / name).read_bytes()
    assert one.metrics() == two.metrics()
    assert one.result() == two.result()


@pytest.mark.parametrize('task', ['documents', 'packed'])
def test_a_document_is_worth_what_it_is_worth_alone(corpus: Path, tmp_path: Path, task) -> None:
    told = Experiment(model_of(), str(corpus), task=task, **SETTINGS)
    gone_on(told, tmp_path / 'whole', tmp_path / 'cut')
    heldout = data.split_rows(DOCUMENTS)[1]
    vocabulary, window = data.ByteVocabulary(), SETTINGS['window']
    nats = 0.0
    for document in heldout:
        ids = vocabulary.encode(document)
        length = window if task == 'packed' else len(ids)
        for piece in (ids[i : i + length][None] for i in range(0, len(ids), length)):
            log_probs = np.asarray(told.what.reader(told.model)(piece))
            nats -= np.take_along_axis(log_probs, piece[..., None], -1).sum(dtype=np.float64)
    text = told.what.split(told.what.load(str(corpus)))[1]
    alone = training.score(told.model, vocabulary, text, task, 1, window)  # no document is cut
    assert_close(alone.evaluation.nats, nats)
    assert alone.evaluation.n_characters == sum(map(len, heldout))
    again = training.score(told.model, vocabulary, text, task, *told.sizes[:2])
    bits = RunDirectory(tmp_path / 'whole').result().bits_per_character
    assert_close(again.evaluation.bits_per_character, bits)
    assert again.protocol.startswith('2 documents, each from the initial state')
    made = retrax.generate(told.what.reader(told.model), vocabulary.encode('cat'), 4)
    assert made.shape == (1, 4)


def test_documents_of_files(tmp_path: Path) -> None:
    (tmp_path / 'a.txt').write_text('one\n\nstill one')
    (tmp_path / 'b.jsonl').write_text('{"text": "two\\n\\ntwo"}\n{"text": "three"}')
    found = data.documents_of(data.load(tmp_path, documents=True).text)
    assert found == ['one\n\nstill one\n', 'two\n\ntwo', 'three']
    assert data.documents_of(data.load(tmp_path / 'a.txt', documents=True).text) == [
        'one',
        'still one',
    ]


def test_a_file_of_tokens_is_learned_as_its_text_is(corpus: Path, tmp_path: Path) -> None:
    vocabulary, file = data.ByteVocabulary(), tmp_path / 'tokens'
    data.TokenFile.write(file, data.read_lines(corpus), vocabulary)
    told = Experiment(model_of(resets=False), str(file), **SETTINGS)
    gone_on(told, tmp_path / 'whole', tmp_path / 'cut')
    text = corpus.read_text()
    ids = vocabulary.encode(text)
    material, cut = told.material(), len(ids) - len(ids) // 20
    assert material.training_text + material.heldout_text == text
    assert material.corpus.n_characters == len(text)
    expected = data.ContiguousBatches(ids[:cut], 3, 8)
    for step in (0, 3, len(expected)):
        np.testing.assert_array_equal(material.training[step].tokens, expected[step].tokens)
    whole = training.score(told.model, vocabulary, text[cut:], 'carried', 3, 8).evaluation
    assert_close(
        RunDirectory(tmp_path / 'whole').result().bits_per_character, whole.bits_per_character
    )


def test_what_a_file_of_tokens_is_not_for(corpus: Path, tmp_path: Path) -> None:
    file = tmp_path / 'tokens'
    data.TokenFile.write(file, data.read_lines(corpus), data.CharVocabulary.fit(corpus.read_text()))
    with pytest.raises(
        ValueError, match=r"of 'characters', and train\.vocabulary is 'bytes'\. Say"
    ):
        Experiment(model_of(resets=False), str(file)).material()
    with pytest.raises(ValueError, match=r"'documents' reads a text\. Files of tokens are for"):
        Experiment(model_of(), str(file), task='documents').material()
    facts = tmp_path / 'tokens.json'
    facts.write_text(facts.read_text().replace('"contents"', '"old"'))
    with pytest.raises(ValueError, match=r'written without its vocabulary.*Write it again'):
        Experiment(model_of(resets=False), str(file)).material()


def test_too_few_documents(tmp_path: Path) -> None:
    file = tmp_path / 'few.txt'
    file.write_text('one\n\ntwo')
    with pytest.raises(ValueError, match=r'expected at least 20 documents, of which .* got 2'):
        Experiment(model_of(), str(file), task='documents').material()
