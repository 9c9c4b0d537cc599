"""The kill test, small; `python -m tests.kill --kills 200` is the large one."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from kill.curve import Curve, difference
from kill.driver import HERE, TEXT, Kills
from test_cli import CONFIG

TORN = """
import os, sys
from pathlib import Path
from moments import Moments

run = Path(sys.argv[1])
Moments(run, 7, True, run.parent / 'note')  # before: open, sync, rename, open, sync, open
with open(run / 'new', 'wb') as file:
    file.write(b'kept')
    file.flush()
    os.fsync(file.fileno())
os.replace(run / 'new', run / 'file')
for more in (b'also', b'12345678'):
    with open(run / 'file', 'r+b') as file:
        file.seek(0, os.SEEK_END)
        file.write(more)
        file.flush()
        os.fsync(file.fileno())
"""


@pytest.mark.skipif(sys.platform != 'linux', reason='moments are found through /proc')
def test_a_torn_sync_leaves_what_was_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / 'run').mkdir()
    child = subprocess.run([sys.executable, '-c', TORN, tmp_path / 'run'], cwd=HERE, check=False)
    assert child.returncode == -signal.SIGKILL
    assert (tmp_path / 'note').read_text() == 'torn file'
    assert (tmp_path / 'run/file').read_bytes() == b'keptalso1234'


@pytest.mark.skipif(sys.platform != 'linux', reason='moments are found through /proc')
def test_killed_runs_end_as_if_they_had_not_been(tmp_path: Path) -> None:
    killer = Kills(tmp_path, seed=1)
    killer.kill(5)
    assert killer.by_moment.total() == 5


def test_a_killed_curve_is_that_of_the_run_left_alone(tmp_path: Path) -> None:
    (tmp_path / 'corpus.txt').write_text(TEXT)
    (tmp_path / 'mine.gin').write_text(CONFIG.format(corpus=tmp_path / 'corpus.txt'))
    curve = Curve(tmp_path, str(tmp_path / 'mine.gin'), ('train.eval_every = 50',))
    whole, _ = curve.finish('whole', 300)
    assert curve.kill_at(300, 60.0).startswith('at step ')
    cut, _ = curve.finish('cut', 300)
    assert difference(whole, cut) == ''
    file = cut.path / 'metrics.jsonl'
    text = file.read_text()
    file.write_text(text.replace('"step": 8', '"step": 9'))
    assert 'of metrics.jsonl differs' in difference(whole, cut)
    file.write_text(text.rpartition('{')[0])
    assert 'lines, after the kills' in difference(whole, cut)
