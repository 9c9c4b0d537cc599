"""What TensorBoard is given, by runs and by the Loop; the speed of a run; samples by choice."""

import io
import json
import struct
import sys
from pathlib import Path

import pytest
from rich.console import Console
from test_loop import eval_task, every, loop
from test_training_runs import CONFIG, TEXT, KillAt, Killed, experiment

from retrax import data, training
from retrax import layers as tl
from retrax.cli.display import Display
from retrax.training import RunDirectory

pytestmark = pytest.mark.usefixtures('compiled_quickly')


@pytest.fixture
def corpus(tmp_path: Path) -> str:
    file = tmp_path / 'corpus.txt'
    file.write_text(TEXT)
    return str(file)


def shown(folder: Path) -> list[tuple[int, str, float]]:
    """What TensorBoard shows of a folder: a file that starts drops what it begins anew."""
    from tensorboardX.proto import event_pb2

    found: list[tuple[int, str, float]] = []
    for file in sorted(folder.iterdir()):
        for record in records(file.read_bytes()):
            event = event_pb2.Event.FromString(record)
            if event.session_log.status == event_pb2.SessionLog.START:
                found = [known for known in found if known[0] < event.step]
            found += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
    return found


def records(content: bytes) -> list[bytes]:
    """The records of a file: each after its length and a checksum, with a checksum behind."""
    found, at = [], 0
    while at < len(content):
        (size,) = struct.unpack_from('<Q', content, at)
        found.append(content[at + 12 : at + 12 + size])
        at += 12 + size + 4
    assert at == len(content)
    return found


def as_events(lines: list[dict]) -> list[tuple[int, str, float]]:
    return [(line['step'], k, v) for line in lines for k, v in line.items() if k != 'step']


def lines_of(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def same(found: list, expected: list) -> bool:
    """Whether they are equal in any order; events hold values in float32."""
    return sorted(found) == [
        (step, name, pytest.approx(value, rel=1e-6)) for step, name, value in sorted(expected)
    ]


def test_a_run_that_was_killed_is_shown_once(tmp_path: Path, corpus: str) -> None:
    run = tmp_path / 'run'
    with pytest.raises(Killed):
        training.train(experiment(corpus, tensorboard=True), run, CONFIG, KillAt(8))
    training.train(experiment(corpus, tensorboard=True), run, CONFIG)  # goes on from step 5
    assert len(list((run / 'tensorboard').iterdir())) == 2
    speed = lines_of(run / 'speed.jsonl')
    assert same(shown(run / 'tensorboard'), as_events(RunDirectory(run).metrics() + speed))

    assert [line['step'] for line in speed] == [4, 5, 8, 10, 12]
    for line in speed:  # batches of 4 streams, windows of 8
        seconds = (12 - line['step']) * 4 * 8 / line['tokens_per_second']
        assert line['seconds_left'] == pytest.approx(seconds)


def test_what_a_loop_keeps_is_shown(tmp_path: Path) -> None:
    evals, watched = eval_task(metric_names=['error']), tl.SummaryScalar('top')
    made = loop(
        tl.Serial(watched, tl.Dense(1)), eval_tasks=evals, eval_at=every(2), output_dir=tmp_path
    )
    assert not (tmp_path / 'train').exists()
    made.run(3)
    made.run(3)
    made.run_evals()
    for mode in ('train', 'eval'):
        pairs = {name: made.history.get(mode, name) for name in made.history.metrics_for_mode(mode)}
        kept = [(step, name, value) for name, known in pairs.items() for step, value in known]
        assert {step for step, *_ in kept} == {2, 4, 6}
        assert ('summary_top' in pairs) == (mode == 'train')
        assert same(shown(tmp_path / mode), kept)
        assert len(list((tmp_path / mode).iterdir())) == 2


def test_without_tensorboardx(tmp_path: Path, corpus: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith('tensorboardX.')]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'tensorboardX', None)
    message = "TensorBoard needs the library tensorboardX, .* pip install 'retrax.tensorboard.'"
    with pytest.raises(data.MissingLibraryError, match=message):
        training.train(experiment(corpus, tensorboard=True), tmp_path / 'run', CONFIG)
    assert not (tmp_path / 'run').exists()
    made = loop(eval_at=every(1), output_dir=tmp_path / 'loop')
    made.run(1)
    assert [path.name for path in (tmp_path / 'loop').iterdir()] == ['model']


@pytest.mark.parametrize('length', [0, 7])
def test_samples_of_a_length(tmp_path: Path, corpus: str, length: int) -> None:
    told = experiment(corpus, steps=1, eval_every=1, sample_length=length)
    console = Console(file=io.StringIO(), width=200, soft_wrap=True)
    with Display(console) as display:
        training.train(told, tmp_path / 'run', CONFIG, display)
    _, after = console.file.getvalue().split('bits per character\n')
    assert after.startswith('    ') == bool(length)
    assert len(after.replace('\n    ', '\n').strip(' ')) <= length + 1


@pytest.mark.parametrize(('is_terminal', 'said'), [(False, 'ETA 7216 s'), (True, 'ETA 2:00:16')])
def test_how_long_it_takes_is_shown_from_the_first_log_point(
    corpus: str, is_terminal: bool, said: str
) -> None:
    told = experiment(corpus)  # 12 steps of 4 streams, windows of 8
    console = Console(file=io.StringIO(), width=200, force_terminal=is_terminal)
    with Display(console) as display:
        display.begin(told, told.material(), 0)
        rate = (12 - 4) * 4 * 8 / 7216
        display.log(training.Progress(4, {'loss': 1.0}, rate))
    assert said in console.file.getvalue()


def test_what_no_run_can_have(corpus: str) -> None:
    with pytest.raises(ValueError, match='sample_length: expected a positive int or 0, got -1'):
        experiment(corpus, sample_length=-1)
    with pytest.raises(ValueError, match=r'tensorboard: expected one of .False, True., got .yes.'):
        experiment(corpus, tensorboard='yes')
