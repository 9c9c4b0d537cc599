"""Runs: their directory, going on after an interruption, and what is refused."""

import dataclasses
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from retrax import checkpoints, layers, models, training
from retrax import data as corpora
from retrax.checkpoints import CheckpointError
from retrax.data import CharVocabulary
from retrax.training import Experiment, RunDirectory, RunError
from retrax.training.experiment import TASKS
from retrax.training.language_task import LanguageTask
from retrax.training.run import load_weights
from retrax.training.run_lock import RunLock

TEXT = 'the cat sat on the mat and the dog sat on the log. ' * 20
CONFIG = 'train.steps = 12\n'


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    file = tmp_path / 'corpus.txt'
    file.write_text(TEXT)
    return str(file)


def experiment(corpus: str, d_model: int = 8, **more) -> Experiment:
    """Dropout, so that keys matter; evaluations that are no log points, so that sums do."""
    model = layers.Serial(
        layers.ShiftRight(),
        layers.Embedding(256, d_model),
        layers.Dropout(0.2),
        layers.GRU(d_model),
        layers.Dense(256),
        layers.LogSoftmax(),
    )
    settings = {'batch_size': 4, 'window': 8, 'steps': 12, 'eval_every': 5, 'log_every': 4}
    return Experiment(model, corpus, **{**settings, **more})


class Killed(BaseException):
    """Nothing is saved after it, as when a process is killed."""


class KillAt(training.Reporter):
    """Raises at a step: at a log point, or after the evaluation."""

    def __init__(self, step: int, exception: type[BaseException] = Killed, evaluated=False):
        self.step, self.exception, self.at_evaluation = step, exception, evaluated

    def log(self, progress) -> None:
        if progress.step == self.step and not self.at_evaluation:
            raise self.exception

    def evaluated(self, step, evaluation, model) -> None:
        if step == self.step and self.at_evaluation:
            raise self.exception


def contents(run: Path) -> tuple[bytes, bytes, str]:
    """All that must not depend on interruptions: weights and all else, and the metrics."""
    newest = RunDirectory(run).newest
    assert newest is not None
    files = [(newest / name).read_bytes() for name in ('arrays.safetensors', 'checkpoint.json')]
    return files[0], files[1], (run / 'metrics.jsonl').read_text()


def test_a_run_directory(tmp_path: Path, corpus: str) -> None:
    run, told = tmp_path / 'run', experiment(corpus)
    result = training.train(told, run, CONFIG)

    assert result == RunDirectory(run).result()
    assert result.steps == 12
    assert 0 < result.bits_per_character < 8 > result.baseline_bits_per_character
    assert (run / 'config.gin').read_text() == CONFIG
    assert sorted(p.name for p in (run / 'checkpoints').iterdir()) == [
        'best',
        'step-00000010',
        'step-00000012',
    ]
    facts = json.loads((run / 'run.json').read_text())
    assert facts['corpus']['name'] == 'corpus.txt'
    assert facts['corpus']['n_characters'] == len(TEXT)
    assert len(facts['corpus']['sha256']) == 64
    assert facts['seed'] == 0
    lines = [json.loads(line) for line in (run / 'metrics.jsonl').read_text().splitlines()]
    assert [line['step'] for line in lines] == [4, 5, 5, 8, 10, 10, 12, 12]
    assert lines[-1]['heldout_bits_per_character'] == result.bits_per_character
    record = json.loads((run / 'checkpoints/step-00000012/checkpoint.json').read_text())
    assert 'weights/GRU#1.w1' in record['arrays']


def test_a_finished_run_is_left_alone(tmp_path: Path, corpus: str) -> None:
    run = tmp_path / 'run'
    first = experiment(corpus)
    result = training.train(first, run, CONFIG)
    before = contents(run)
    second = experiment(corpus)
    assert training.train(second, run, CONFIG) == result
    assert contents(run) == before
    for path, array in second.model.named_weights().items():
        np.testing.assert_array_equal(array, first.model.named_weights()[path])


def test_an_interrupted_run_ends_as_if_it_had_not_been(tmp_path: Path, corpus: str) -> None:
    training.train(experiment(corpus), tmp_path / 'whole', CONFIG)
    expected = contents(tmp_path / 'whole')
    ends = [
        (KillAt(4), None),  # before the first checkpoint
        (KillAt(8), 'step-00000005'),
        (KillAt(8, KeyboardInterrupt), 'step-00000008'),  # Ctrl-C saves first
        (KillAt(10, evaluated=True), 'step-00000010'),
        (KillAt(12, evaluated=True), 'step-00000012'),
    ]
    run = tmp_path / 'cut'
    for end, checkpoint in ends:
        with pytest.raises(end.exception):
            training.train(experiment(corpus), run, CONFIG, end)
        newest = RunDirectory(run).newest
        assert (newest and newest.name) == checkpoint
    training.train(experiment(corpus), run, CONFIG)
    assert contents(run) == expected


def test_a_bad_loss_keeps_the_last_good_checkpoint(tmp_path: Path, corpus: str) -> None:
    def update(gradients, n_updates, params=None):
        scale = jnp.where(n_updates == 7, jnp.nan, -0.01)
        return jax.tree.map(lambda g: scale * g, gradients), n_updates + 1

    optimizer = optax.GradientTransformation(lambda params: jnp.zeros((), jnp.int32), update)
    run = tmp_path / 'run'
    with pytest.raises(training.DivergedError, match=r'step 8: the update of Embedding#1 is NaN'):
        training.train(experiment(corpus, optimizer=optimizer), run, CONFIG)
    directory = RunDirectory(run)
    assert directory.newest is not None
    assert directory.newest.name == 'step-00000005'
    told = experiment(corpus, optimizer=optimizer)
    assert load_weights(directory, told) == 5
    for array in told.model.named_weights().values():
        assert np.all(np.isfinite(array))


# --------------------------------------------------------------------------------- what is refused


@pytest.fixture
def run(tmp_path: Path, corpus: str) -> Path:
    training.train(experiment(corpus, steps=2), tmp_path / 'run', CONFIG)
    return tmp_path / 'run'


def test_another_config(run: Path, corpus: str) -> None:
    with pytest.raises(RunError, match=r'(?s)another configuration:.*-train.steps = 12.*\+other'):
        training.train(experiment(corpus), run, 'other = 1\n')


def test_a_corpus_that_changed(run: Path, corpus: str) -> None:
    Path(corpus).write_text(TEXT + 'more')
    told = rf'learns from a corpus .* {len(TEXT)} .* {len(TEXT) + 4} .*[0-9a-f]\. Bring the corpus'
    with pytest.raises(RunError, match=told):
        training.train(experiment(corpus), run, CONFIG)


def test_another_model(run: Path, corpus: str) -> None:
    with pytest.raises(
        CheckpointError, match=r'expected float32\(4, 16\), got float32\(4, 8\)(?s:.*)another model'
    ):
        load_weights(RunDirectory(run), experiment(corpus, d_model=16))


def test_another_vocabulary(run: Path, corpus: str) -> None:
    (run / 'vocabulary.json').write_text(json.dumps(CharVocabulary('abc').to_json()))
    with pytest.raises(RunError, match=r'step-00000002: this checkpoint was made with the voc'):
        load_weights(RunDirectory(run), experiment(corpus))
    described = {**CharVocabulary('abc').to_json(), 'characters': 'abd'}
    (run / 'vocabulary.json').write_text(json.dumps(described))
    with pytest.raises(RunError, match=r'vocabulary.json: .* changed after it was written'):
        load_weights(RunDirectory(run), experiment(corpus))


def test_a_damaged_checkpoint(run: Path, corpus: str) -> None:
    file = run / 'checkpoints/step-00000002/arrays.safetensors'
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CheckpointError, match=r'arrays.safetensors: expected \d+ bytes, got'):
        load_weights(RunDirectory(run), experiment(corpus))
    file.write_bytes(whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:])
    with pytest.raises(CheckpointError, match=r'arrays.safetensors: expected sha256'):
        load_weights(RunDirectory(run), experiment(corpus))


def test_a_directory_of_other_files(tmp_path: Path, corpus: str) -> None:
    (tmp_path / 'mine.txt').write_text('mine')
    with pytest.raises(RunError, match=r'it has other files'):
        training.train(experiment(corpus), tmp_path, CONFIG)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['corpus.txt', 'mine.txt']


@pytest.mark.parametrize('name', ['run.json', 'vocabulary.json', 'result.json'])
def test_damaged_files(run: Path, name: str) -> None:
    read = {'run.json': 'facts', 'vocabulary.json': 'vocabulary', 'result.json': 'result'}[name]
    for text, message in [('{"a": ', 'expected JSON'), ('[1]', 'expected a JSON object')]:
        (run / name).write_text(text)
        with pytest.raises(RunError, match=message):
            getattr(RunDirectory(run), read)()


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"'retrax train' made, but it has no run.json"):
        RunDirectory(tmp_path).facts()


def test_a_text_that_is_too_short(tmp_path: Path) -> None:
    short = tmp_path / 'short.txt'
    short.write_text('too short for it')
    with pytest.raises(ValueError, match=r"short.txt' cannot be trained on: .* of 16 characters"):
        training.train(experiment(str(short)), tmp_path / 'run')
    short.write_text('too short for four rows')
    with pytest.raises(ValueError, match=r'at least 2 per stream'):
        training.train(experiment(str(short), batch_size=20), tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


def test_a_model_of_another_size_than_the_vocabulary(tmp_path: Path, corpus: str) -> None:
    n_ids = len(set(TEXT)) + 2
    with pytest.raises(ValueError, match=rf'has {n_ids} ids.* Set its vocab_size to {n_ids}'):
        training.train(experiment(corpus, vocabulary='characters'), tmp_path / 'run')
    assert not (tmp_path / 'run').exists()


@pytest.fixture
def of_characters(tmp_path: Path, corpus: str) -> Experiment:
    """What a run in tmp_path / 'run' learned, which was told no config."""
    n_ids = len(set(TEXT)) + 2
    told = Experiment(
        models.GRULM(n_ids, 8, 1), corpus, 'characters', batch_size=4, window=8, steps=2
    )
    result = training.train(told, tmp_path / 'run')
    assert result.bits_per_character < 6
    assert RunDirectory(tmp_path / 'run').vocabulary().size == n_ids
    return told


def test_another_experiment_without_a_config(tmp_path: Path, of_characters: Experiment) -> None:
    run = tmp_path / 'run'
    assert training.train(of_characters, run) == RunDirectory(run).result()
    other = dataclasses.replace(of_characters, seed=1, window=9)
    with pytest.raises(RunError, match=r'another experiment: seed was 0 and is 1; window was 8 an'):
        training.train(other, run)
    wider = models.GRULM(len(set(TEXT)) + 2, 9, 1)
    with pytest.raises(
        RunError, match=r'another experiment: weights was \d+ and is \d+\. Give the'
    ):
        training.train(dataclasses.replace(of_characters, model=wider), run)
    facts = json.loads((run / 'run.json').read_text())
    del facts['window']  # as older runs are
    (run / 'run.json').write_text(json.dumps(facts))
    training.train(dataclasses.replace(of_characters, window=9), run)


def test_a_vocabulary_that_is_learned_otherwise(tmp_path, of_characters, monkeypatch) -> None:
    """As another version of a library may."""
    mine = RunDirectory(tmp_path / 'run').vocabulary()
    other = CharVocabulary(''.join(sorted(set(TEXT)))[:-1] + 'z')
    monkeypatch.setattr(corpora, 'fit_vocabulary', lambda *_: other)
    words = rf'has a vocabulary of {mine.size} ids, {mine.fingerprint}; .*, {other.fingerprint}, so'
    with pytest.raises(RunError, match=words):
        training.train(of_characters, tmp_path / 'run')


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        ({'model': 3}, r'train.model: expected a model, got int'),
        ({'steps': '12'}, r"train.steps: expected a positive int, got '12'"),
        ({'steps': True}, r'train.steps: expected a positive int, got True'),
        ({'window': 0}, r'train.window: expected a positive int, got 0'),
        ({'seed': 1.5}, r'train.seed: expected an int from 0 up, got 1.5'),
        ({'seed': -1}, r'train.seed: expected an int from 0 up, got -1'),
        ({'vocabulary': 'byte'}, r"train.vocabulary: expected one of .*, got 'byte'"),
        ({'precision': 'fp16'}, r"train.precision: expected one of .*, got 'fp16'"),
        ({'implementation': 'cudnn'}, r"train.implementation: expected one of .*, got 'cudnn'"),
        ({'optimizer': training.Adam}, r'train.optimizer: .* got the function Adam'),
    ],
)
def test_values_that_no_run_can_have(settings, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Experiment(**{'model': layers.Dense(2), **settings})


def test_the_newest_checkpoint_survives_a_write_that_was_cut(run: Path, corpus: str) -> None:
    folder = run / 'checkpoints'
    half = checkpoints.step_path(folder, 3)
    half.mkdir()
    (half / 'arrays.safetensors').write_bytes(b'half')
    assert load_weights(RunDirectory(run), experiment(corpus)) == 2


def test_a_result_is_looked_for_under_the_lock(run: Path, corpus: str, monkeypatch) -> None:
    """Another process ends the run while this one reads the corpus."""
    result, acquire = (run / 'result.json').read_text(), RunLock.acquire
    (run / 'result.json').unlink()

    def late(lock):
        (run / 'result.json').write_text(result)
        return acquire(lock)

    monkeypatch.setattr(RunLock, 'acquire', late)
    before, notices = contents(run), []
    told = training.Reporter()
    monkeypatch.setattr(told, 'notice', notices.append)
    assert training.train(experiment(corpus, steps=2), run, CONFIG, told).steps == 2
    assert contents(run) == before
    assert notices == [f'{run} is finished; nothing is left to train. --fresh begins a new run.']


# -------------------------------------------------------------------------------- the best weights


class Figures(LanguageTask):
    """Held-out figures as they are given, one after another."""

    def __init__(self, *figures: float):
        self._figures = list(figures)

    def figure_of(self, evaluation):
        return self._figures.pop(0)


def impatient(corpus: str, monkeypatch, *figures: float) -> Experiment:
    monkeypatch.setitem(TASKS, 'language', Figures(*figures))
    return experiment(corpus, steps=40, eval_every=2, patience=2)


def test_patience_ends_a_run_and_the_best_weights_stay(tmp_path, corpus, monkeypatch) -> None:
    told, notices = training.Reporter(), []
    monkeypatch.setattr(told, 'notice', notices.append)
    whole = impatient(corpus, monkeypatch, 5.0, 4.0, 3.0, 3.5, 3.0)
    result = training.train(whole, tmp_path / 'run', CONFIG, told)
    assert (result.steps, result.bits_per_character) == (10, 3.0)
    assert 'Ended at step 10 of 40: 2 evaluations in a row' in notices[0]
    run = RunDirectory(tmp_path / 'run')
    assert load_weights(run, experiment(corpus), best=True) == 6
    assert load_weights(run, experiment(corpus)) == 10

    cut = impatient(corpus, monkeypatch, 5.0, 4.0, 3.0, 3.5, 3.0)
    with pytest.raises(Killed):  # after the last evaluation, before the result
        training.train(cut, tmp_path / 'cut', CONFIG, KillAt(10, evaluated=True))
    again = impatient(corpus, monkeypatch)  # is not evaluated again
    assert training.train(again, tmp_path / 'cut', CONFIG) == result
    assert contents(tmp_path / 'cut') == contents(tmp_path / 'run')

    best = tmp_path / 'run' / 'checkpoints' / 'best'
    best.rename(best.with_name('.best.old'))  # a save that was killed between two renames
    assert load_weights(run, experiment(corpus), best=True) == 6
