"""Runs in trouble: each a clear message, and the last good checkpoint still loads."""

import errno
import json
import os
import re
import shutil
import signal
import threading
from pathlib import Path

import jax.numpy as jnp
import pytest
from test_training_runs import CONFIG, TEXT, KillAt, contents, experiment

from retrax import checkpoints, layers, training
from retrax.checkpoints import CheckpointError
from retrax.training import RunDirectory, RunError, Stopped
from retrax.training.run import load_weights
from retrax.training.run_list import status


@pytest.fixture(scope='module')
def corpus(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp('corpus') / 'corpus.txt'
    file.write_text(TEXT)
    return str(file)


@pytest.fixture(scope='module')
def whole(tmp_path_factory: pytest.TempPathFactory, corpus: str) -> Path:
    """A run that nothing happened to."""
    run = tmp_path_factory.mktemp('runs') / 'whole'
    training.train(experiment(corpus), run, CONFIG)
    return run


@pytest.fixture
def cut(tmp_path: Path, whole: Path) -> Path:
    """A run of 12 steps that was interrupted after step 10."""
    run = tmp_path / 'cut'
    shutil.copytree(whole, run)
    shutil.rmtree(run / 'checkpoints/step-00000012')
    (run / 'result.json').unlink()
    return run


class Fails:
    """An os.fsync that fails from its n-th call on, as a full disk or a read-only one would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, calls: int):
        self._number, self._calls, self._fsync = number, calls, os.fsync
        monkeypatch.setattr(os, 'fsync', self)

    def __call__(self, descriptor: int) -> None:
        self._calls -= 1
        if self._calls < 0:
            raise OSError(self._number, os.strerror(self._number))
        self._fsync(descriptor)


@pytest.mark.parametrize('calls', range(7))
def test_a_full_disk(cut: Path, whole: Path, corpus: str, monkeypatch, calls: int) -> None:
    with monkeypatch.context() as patch:
        Fails(patch, errno.ENOSPC, calls)
        words = r'the disk is full. Free some space, and the same command goes on. The newest che'
        with pytest.raises(RunError, match=words):
            training.train(experiment(corpus), cut, CONFIG)
    assert load_weights(RunDirectory(cut), experiment(corpus)) in (10, 12)
    assert status(cut).state == 'interrupted'
    training.train(experiment(corpus), cut, CONFIG)
    assert contents(cut) == contents(whole)


def test_a_full_disk_before_the_first_checkpoint(tmp_path, whole, corpus, monkeypatch) -> None:
    for calls in range(5):
        with monkeypatch.context() as patch:
            Fails(patch, errno.ENOSPC, calls)
            with pytest.raises(RunError, match=r'the disk is full.* There is no checkpoint yet'):
                training.train(experiment(corpus), tmp_path / 'run', CONFIG)
    training.train(experiment(corpus), tmp_path / 'run', CONFIG)
    assert contents(tmp_path / 'run') == contents(whole)


@pytest.mark.parametrize('number', [errno.EROFS, errno.EACCES])
def test_a_read_only_folder(cut: Path, corpus: str, monkeypatch, number: int) -> None:
    def refused(*_, **__):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr('retrax.training.run_lock.json.dump', refused)
    with pytest.raises(RunError, match=r'the folder cannot be written to. Make it writable'):
        training.train(experiment(corpus), cut, CONFIG)
    monkeypatch.setattr(Path, 'mkdir', refused)
    with pytest.raises(RunError, match=r'the folder cannot be written to. Make it writable'):
        training.train(experiment(corpus), cut.with_name('new'), CONFIG)
    assert load_weights(RunDirectory(cut), experiment(corpus)) == 10
    assert not [file.name for file in cut.iterdir() if file.name.startswith('lock')]


class DeletesAt(training.Reporter):
    """Deletes the run's directory at a step."""

    def __init__(self, step: int, run: Path):
        self.step, self.run = step, run

    def log(self, progress) -> None:
        if progress.step == self.step:
            for thread in threading.enumerate():
                if thread.name == 'retrax checkpoint':  # or it deletes what is deleted here
                    thread.join()
            shutil.rmtree(self.run)


@pytest.mark.parametrize('step', [4, 8, 12])
def test_a_directory_that_is_deleted_under_the_run(tmp_path, corpus: str, step: int) -> None:
    run = tmp_path / 'run'
    with pytest.raises(RunError, match=r'run was deleted or moved while it trained'):
        training.train(experiment(corpus), run, CONFIG, DeletesAt(step, run))
    assert not run.exists()  # and not half of it again


@pytest.mark.parametrize('name', ['run.json', 'vocabulary.json', 'checkpoint.json'])
def test_a_newer_file_format(cut: Path, corpus: str, name: str) -> None:
    found = cut if name != 'checkpoint.json' else cut / 'checkpoints/step-00000010'
    file = found / name
    described = json.loads(file.read_text())
    file.write_text(json.dumps({**described, 'version': 2}))
    words = rf'{name}: expected .*version 1.*, got .*2.* [Ii]nstall .*newer one'
    with pytest.raises((RunError, CheckpointError), match=words):
        training.train(experiment(corpus), cut, CONFIG)
    file.write_text(json.dumps(described))
    training.train(experiment(corpus), cut, CONFIG)


def test_a_damaged_checkpoint_names_the_one_before_it(cut: Path, whole: Path, corpus: str) -> None:
    newest = cut / 'checkpoints/step-00000010'
    shutil.copytree(whole / 'checkpoints/step-00000012', newest.with_name('step-00000012'))
    (newest.with_name('step-00000012') / 'arrays.safetensors').write_bytes(b'half')
    words = rf'delete .*step-00000012 to go on from {re.escape(str(newest))}'
    with pytest.raises(CheckpointError, match=words):
        load_weights(RunDirectory(cut), experiment(corpus))
    shutil.rmtree(newest.with_name('step-00000012'))
    assert load_weights(RunDirectory(cut), experiment(corpus)) == 10


def test_metrics_with_a_cut_last_line(cut: Path, whole: Path, corpus: str) -> None:
    with (cut / 'metrics.jsonl').open('a') as file:
        file.write('{"step": 12, "lo')
    assert RunDirectory(cut).metrics()[-1]['step'] == 12
    training.train(experiment(corpus), cut, CONFIG)
    assert contents(cut) == contents(whole)


@pytest.mark.parametrize('line', ['{"step": 1, "lo', '[]', '{"loss": 1}', '\0\0\0'])
def test_metrics_with_a_damaged_line(cut: Path, corpus: str, line: str) -> None:
    file = cut / 'metrics.jsonl'
    file.write_text(f'{line}\n{file.read_text()}')
    with pytest.raises(RunError, match=r'metrics.jsonl:1: .* the line is damaged: .* Delete this'):
        training.train(experiment(corpus), cut, CONFIG)
    assert status(cut).state == 'damaged'


def test_a_corpus_that_changed_since_the_checkpoint(cut: Path, corpus: str, tmp_path) -> None:
    changed = tmp_path / 'corpus.txt'
    changed.write_text(TEXT.upper())
    with pytest.raises(RunError, match=r'learns from a corpus .* it is now .* Bring the corpus'):
        training.train(experiment(str(changed)), cut, CONFIG)
    assert load_weights(RunDirectory(cut), experiment(corpus)) == 10


def test_a_run_that_was_killed_while_it_was_made(tmp_path: Path, corpus: str, whole) -> None:
    run = tmp_path / 'run'
    run.mkdir()
    (run / 'config.gin').write_text(CONFIG)
    (run / '.run.json.new').write_text('{"form')
    assert status(run).state == 'interrupted'
    training.train(experiment(corpus), run, CONFIG)
    assert contents(run) == contents(whole)


def test_a_config_of_the_user_is_not_written_over(tmp_path: Path, corpus: str) -> None:
    (tmp_path / 'config.gin').write_text('mine = 1\n')
    with pytest.raises(RunError, match=r'another configuration'):
        training.train(experiment(corpus), tmp_path, CONFIG)
    assert [file.name for file in tmp_path.iterdir()] == ['config.gin']


class SignalsAt(training.Reporter):
    """Sends this process a signal at a step."""

    def __init__(self, step: int, signum: int, times: int = 1):
        self.step, self.signum, self.times = step, signum, times

    def log(self, progress) -> None:
        if progress.step == self.step:
            for _ in range(self.times):
                signal.raise_signal(self.signum)


@pytest.mark.parametrize('signum', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves(tmp_path: Path, whole: Path, corpus: str, signum: int) -> None:
    run, before = tmp_path / 'run', signal.getsignal(signum)
    with pytest.raises(Stopped) as stopped:
        training.train(experiment(corpus), run, CONFIG, SignalsAt(8, signum))
    assert stopped.value.signum == signum
    assert signal.getsignal(signum) is before
    newest = RunDirectory(run).newest
    assert newest is not None
    assert newest.name == 'step-00000008'
    assert not (run / 'lock-1').exists()
    training.train(experiment(corpus), run, CONFIG)
    assert contents(run) == contents(whole)


def test_a_signal_after_a_step_that_was_left_out_saves(tmp_path, monkeypatch) -> None:
    file, mark = tmp_path / 'corpus.txt', ord('Z')
    file.write_text(f'{TEXT[:43]}Z{TEXT[44:]}')  # read by step 6
    cross_entropy = layers.CrossEntropyLoss()

    def loss(outputs, targets, weights):
        value = cross_entropy((outputs, targets, weights))
        return jnp.where(jnp.any(targets == mark), jnp.nan, value)

    def told():
        return experiment(str(file), loss=layers.Fn('Loss', loss), not_finite='skip')

    def stopped_at_7(trainer, example, advance=training.Trainer.advance):
        advance(trainer, example)
        if trainer.step == 7:
            signal.raise_signal(signal.SIGTERM)

    training.train(told(), tmp_path / 'whole', CONFIG)
    assert [line.get('skipped', 0) for line in RunDirectory(tmp_path / 'whole').metrics()].count(1)
    with monkeypatch.context() as patch:
        patch.setattr(training.Trainer, 'advance', stopped_at_7)
        with pytest.raises(Stopped):
            training.train(told(), tmp_path / 'run', CONFIG)
    newest = RunDirectory(tmp_path / 'run').newest
    assert newest is not None
    assert newest.name == 'step-00000007'
    training.train(told(), tmp_path / 'run', CONFIG)
    assert contents(tmp_path / 'run') == contents(tmp_path / 'whole')


def test_a_second_signal_does_not_wait(tmp_path: Path, whole: Path, corpus: str) -> None:
    run = tmp_path / 'run'
    with pytest.raises(Stopped):
        training.train(experiment(corpus), run, CONFIG, SignalsAt(8, signal.SIGINT, times=2))
    newest = RunDirectory(run).newest
    assert newest is not None
    assert newest.name == 'step-00000005'
    training.train(experiment(corpus), run, CONFIG)
    assert contents(run) == contents(whole)


def test_other_versions_are_told(cut: Path, corpus: str) -> None:
    facts = json.loads((cut / 'run.json').read_text())
    facts['versions']['jax'] = '0.9'
    (cut / 'run.json').write_text(json.dumps(facts))
    told = []
    reporter = KillAt(0)
    reporter.notice = told.append
    training.train(experiment(corpus), cut, CONFIG, reporter)
    assert re.fullmatch(r'Since this run began: jax was 0.9 and is .* bit for bit.', told[0])


def test_a_whole_checkpoint_verifies(whole: Path) -> None:
    checkpoints.verify(whole / 'checkpoints/step-00000012')
