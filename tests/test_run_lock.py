"""The lock of a run: the living keep others out, the dead do not."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from retrax.training import RunError
from retrax.training.processes import Process
from retrax.training.run_lock import RunLock, holder

ME = Process.current()


def lock(directory: Path, process: Process, number: int = 1) -> Path:
    file = directory / f'lock-{number}'
    file.write_text(json.dumps(process._asdict()))
    return file


def test_a_second_one_is_kept_out(tmp_path: Path) -> None:
    with RunLock(tmp_path).acquire() as first:
        assert first.taken_from == []
        assert holder(tmp_path) == ME._replace(since=holder(tmp_path).since)
        words = re.escape(f'another process trains in this run: process {os.getpid()} on ')
        with pytest.raises(RunError, match=words), RunLock(tmp_path).acquire():
            pass
        assert [file.name for file in tmp_path.iterdir()] == ['lock-1']
    assert list(tmp_path.iterdir()) == []
    assert holder(tmp_path) is None


def test_a_living_process_keeps_out_another(tmp_path: Path) -> None:
    code = 'import sys; sys.stdin.read()'
    with subprocess.Popen([sys.executable, '-c', code], stdin=subprocess.PIPE) as other:
        stat = Path(f'/proc/{other.pid}/stat')
        started = ME.started
        if stat.exists():
            ticks = stat.read_text().rpartition(')')[2].split()[19]
            started = f'{ME.started.split()[0]} {ticks}'
        lock(tmp_path, ME._replace(pid=other.pid, started=started))
        with pytest.raises(RunError, match=f'process {other.pid} on'), RunLock(tmp_path).acquire():
            pass
        other.kill()
        other.communicate()
    with RunLock(tmp_path).acquire() as taken:
        assert [process and process.pid for process in taken.taken_from] == [other.pid]
        assert [file.name for file in tmp_path.iterdir()] == ['lock-2']


@pytest.mark.skipif(not ME.started, reason='without /proc a pid that is used again looks alive')
def test_a_pid_that_is_used_again(tmp_path: Path) -> None:
    lock(tmp_path, ME._replace(started=f'{ME.started}0'))
    with RunLock(tmp_path).acquire() as taken:
        assert len(taken.taken_from) == 1


def test_a_process_of_another_machine_may_live(tmp_path: Path) -> None:
    file = lock(tmp_path, ME._replace(pid=1, host=f'not-{socket.gethostname()}'))
    advice = re.escape(f'If that process is dead, which cannot be seen from here, delete {file}')
    with pytest.raises(RunError, match=advice), RunLock(tmp_path).acquire():
        pass
    assert file.exists()


@pytest.mark.parametrize('content', ['', '{"pid": 1', '{}', '[]', '{"pid": "x"}'])
def test_a_lock_whose_process_died_while_it_made_it(tmp_path: Path, content, monkeypatch) -> None:
    monkeypatch.setattr('retrax.training.run_lock._GRACE', 0.1)
    (tmp_path / 'lock-3').write_text(content)
    with RunLock(tmp_path).acquire() as taken:
        assert taken.taken_from == [None]
        assert [file.name for file in tmp_path.iterdir()] == ['lock-4']


def test_of_two_that_come_together_one_withdraws(tmp_path: Path, monkeypatch) -> None:
    """The other makes its lock between this one's look and its own lock."""
    looks = []

    def look(self):
        looks.append(self)
        if len(looks) == 1:
            lock(tmp_path, ME, 7)
            return []
        return real(self)

    real = RunLock._refuse_living
    monkeypatch.setattr(RunLock, '_refuse_living', look)
    with pytest.raises(RunError, match='another process'), RunLock(tmp_path).acquire():
        pass
    assert [file.name for file in tmp_path.iterdir()] == ['lock-7']


def test_a_directory_that_is_gone(tmp_path: Path) -> None:
    with RunLock(tmp_path).acquire():
        (tmp_path / 'lock-1').unlink()
        tmp_path.rmdir()
    assert not tmp_path.exists()
