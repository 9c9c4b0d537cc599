"""The commands about runs: --fresh, runs, eval, and retrax.load."""

import errno
import math
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
from test_cli import CONFIG, TEXT, refused, retrax

import retrax as package
from retrax.training import RunDirectory, fresh_path, score
from retrax.training.run_lock import RunLock

pytestmark = pytest.mark.usefixtures('compiled_quickly')


@pytest.fixture(scope='module')
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config, a corpus, and a run that has finished."""
    folder = tmp_path_factory.mktemp('home')
    (folder / 'corpus.txt').write_text(TEXT)
    (folder / 'mine.gin').write_text(CONFIG.format(corpus=folder / 'corpus.txt'))
    result = retrax('train', folder / 'mine.gin', '--out', folder / 'runs/mine')
    assert result.exit_code == 0, result.output
    return folder


def test_what_a_run_keeps(home: Path) -> None:
    run = home / 'runs/mine'
    assert 'train.steps = 6\n' in (run / 'operative_config.gin').read_text()
    assert 'train.steps = %STEPS\n' in (run / 'config.gin').read_text()
    facts = RunDirectory(run).facts()
    assert facts['config'] == 'mine'
    assert facts['versions']['retrax'] == package.__version__
    assert not list(run.glob('lock-*'))


def test_fresh_makes_a_numbered_run(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / 'runs', tmp_path / 'runs')
    before = {file: file.read_bytes() for file in tmp_path.rglob('*') if file.is_file()}
    for number in (2, 3):
        arguments = ('train', home / 'mine.gin', '--steps', number, '--fresh')
        result = retrax(*arguments, '--out', tmp_path / 'runs/mine')
        assert result.exit_code == 0, result.output
        assert f'runs/mine-{number}\n' in result.output
    assert all(file.read_bytes() == content for file, content in before.items())
    assert fresh_path(tmp_path / 'runs/new') == tmp_path / 'runs/new'


def test_a_reader_that_has_enough_ends_a_command_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def show(folder: Path) -> None:
        raise BrokenPipeError(errno.EPIPE, 'Broken pipe')

    monkeypatch.setattr('retrax.cli.runs.show', show)
    result = retrax('runs')  # | head
    assert (result.exit_code, result.output) == (1, '')


def test_runs_lists_them(home: Path, tmp_path: Path) -> None:
    for name in ('done', 'cut', 'broken', 'busy'):
        shutil.copytree(home / 'runs/mine', tmp_path / name)
    for name in ('cut', 'busy'):
        (tmp_path / name / 'result.json').unlink()
    shutil.rmtree(tmp_path / 'cut/checkpoints/step-00000006')
    (tmp_path / 'broken/run.json').write_text('{')
    (tmp_path / 'no run').mkdir()
    with RunLock(tmp_path / 'busy').acquire():
        result = retrax('runs', tmp_path)
    assert result.exit_code == 0, result.output
    lines = {Path(line.split()[0]).name: line.split() for line in result.output.splitlines()[3:7]}
    assert lines['done'][1:4] == ['finished', 'mine', '6/6']
    assert lines['cut'][1:4] == ['interrupted', 'mine', '3/6']
    assert lines['busy'][1:4] == ['running', 'mine', '6/6']
    assert lines['broken'][1] == 'damaged'
    bits = RunDirectory(home / 'runs/mine').result().bits_per_character
    assert lines['done'][5] == f'{bits:.3f}'
    assert lines['done'][-1] in ('s', 'min')
    assert 'run.json: expected JSON, the file is damaged' in result.output


def test_runs_of_nothing(tmp_path: Path) -> None:
    assert 'no runs yet' in retrax('runs', tmp_path).output
    assert 'expected a folder with runs' in refused('runs', tmp_path / 'nowhere')


def test_load_gives_model_and_vocabulary(home: Path) -> None:
    model, vocabulary = package.load(home / 'runs/mine')
    ids = package.generate(model, vocabulary.encode('the '), max_new_tokens=5, seed=1)
    assert isinstance(vocabulary.decode(np.asarray(ids)[0]), str)


def figures(output: str) -> dict[str, float]:
    rows = [line.split() for line in output.splitlines()]
    return {row[0]: float(row[1]) for row in rows if row[0] in ('Loss', 'Perplexity', 'Bits')}


def test_eval_repeats_the_figure_of_training(home: Path) -> None:
    result = retrax('eval', home / 'runs/mine')
    assert result.exit_code == 0, result.output
    assert 'carried state over 4 contiguous streams, 8 tokens at a time' in result.output
    found = figures(result.output)
    bits = RunDirectory(home / 'runs/mine').result().bits_per_character
    assert found['Bits'] == pytest.approx(bits, abs=1e-4)
    assert found['Loss'] == pytest.approx(bits * math.log(2), abs=1e-4)  # ASCII: a byte each
    assert found['Perplexity'] == pytest.approx(2**bits, rel=1e-3)


def test_eval_of_windows_is_what_numpy_adds_up(home: Path, tmp_path: Path) -> None:
    text = 'the cat sat on 21 mäts'
    (tmp_path / 'text.txt').write_text(text)
    result = retrax(
        *('eval', home / 'runs/mine', '--data', tmp_path / 'text.txt'),
        *('--protocol', 'windows', '--window', '5'),
    )
    assert result.exit_code == 0, result.output
    assert 'independent windows of 5 tokens, each from the initial state' in result.output
    model, vocabulary = package.load(home / 'runs/mine')
    ids, nats = vocabulary.encode(text), 0.0
    for start in range(0, len(ids), 5):
        window = ids[start : start + 5]
        log_probs = np.asarray(model.as_mode('eval')(window[None]), np.float64)[0]
        nats -= log_probs[np.arange(len(window)), window].sum()
    found = figures(result.output)
    assert found['Loss'] == pytest.approx(nats / len(ids), abs=1e-4)
    assert found['Bits'] == pytest.approx(nats / math.log(2) / len(text), abs=1e-4)
    carried = score(model, vocabulary, text, 'carried', 1, 5).evaluation.nats
    assert carried != pytest.approx(nats, abs=1e-6)


def test_eval_of_a_corpus_that_changed(home: Path, tmp_path: Path) -> None:
    out, corpus = tmp_path / 'run', tmp_path / 'corpus.txt'
    corpus.write_text(TEXT)
    (tmp_path / 'mine.gin').write_text(CONFIG.format(corpus=corpus))
    assert retrax('train', tmp_path / 'mine.gin', '--out', out).exit_code == 0
    corpus.write_text(TEXT + 'more')
    assert 'learns from a corpus' in refused('eval', out)
    assert retrax('eval', out, '--data', corpus).exit_code == 0


@pytest.mark.parametrize('content', ['', 'x'])
def test_eval_of_too_little(home: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / 'text.txt').write_text(content)
    message = refused('eval', home / 'runs/mine', '--data', tmp_path / 'text.txt')
    assert 'empty' in message or 'too short' in message


def test_sigterm_ends_with_143(home: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(
        'retrax.cli.display.Display.log', lambda *_: signal.raise_signal(signal.SIGTERM)
    )
    result = retrax('train', home / 'mine.gin', '--out', tmp_path / 'run')
    assert result.exit_code == 143
    assert 'step-00000002. The same command goes on from there.' in result.output


def test_a_second_process_is_kept_out(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / 'runs/mine', tmp_path / 'run')
    (tmp_path / 'run/result.json').unlink()
    with RunLock(tmp_path / 'run').acquire():
        message = refused('train', home / 'mine.gin', '--out', tmp_path / 'run')
    assert 'another process trains in this run: process' in message


def test_a_dead_process_is_taken_over_with_a_line(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / 'runs/mine', tmp_path / 'run')
    (tmp_path / 'run/result.json').unlink()
    (tmp_path / 'run/lock-1').write_text('{}')
    result = retrax('train', home / 'mine.gin', '--out', tmp_path / 'run')
    assert result.exit_code == 0, result.output
    assert 'Took over the lock of a process that wrote nothing into it: it is dead.' in (
        result.output
    )


def test_truncation_prints_a_row_for_each_horizon(home: Path) -> None:
    result = retrax('truncation', home / 'runs/mine', '--length', 12, '--streams', 2)
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.output.splitlines()]
    rows = [words for words in lines if words and words[0].isdigit() and '.' in words[-1]]
    assert [row[0] for row in rows] == ['1', '2', '4', '8', '12']
    assert [row[1:3] for row in rows if 'window)' in row] == [['(the', 'window)']]
    assert rows[-1][1:] == ['1.0000', '1.0000', '0.0000']
    assert float(rows[0][1]) < 1
    assert 'need 1,200, its held-out text has 51' in refused(
        'truncation', home / 'runs/mine', '--length', 600, '--streams', 2
    )
