"""`python -m retrax.interop.trax` runs a program as `python` does, with the alias installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """\
import os, sys
import beside  # lies in the folder of the program
import __main__

def fail():
    raise ValueError('on purpose') from KeyError('cause')

print(sys.argv, __name__, __main__.__dict__ is globals(), os.path.samefile(sys.path[0] or '.', '.'))
what = sys.argv[1]
if what == 'raise':
    fail()
if what == 'interrupt':
    import signal
    signal.raise_signal(signal.SIGINT)
if what == 'number':
    sys.exit(7)
if what == 'text':
    sys.exit('goodbye')
if what == 'atexit':
    import atexit
    atexit.register(lambda: print('at the end', what))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'program.py').write_text(PROGRAM)
    (tmp_path / 'beside.py').write_text('')
    (tmp_path / 'wrong.py').write_text('x = (\n')
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, env=os.environ
    )


@pytest.mark.parametrize(
    'arguments',
    [
        *(
            (*how, what, '--flag')
            for how in (('program.py',), ('-m', 'program'), ('-c', PROGRAM))
            for what in ('raise', 'number')
        ),
        ('program.py', 'interrupt'),
        ('program.py', 'text'),
        ('program.py', 'atexit'),
        ('wrong.py',),
        ('absent.py',),
    ],
)
def test_output_traceback_and_exit_code_are_python_s(folder: Path, arguments) -> None:
    expected = run(folder, *arguments)
    actual = run(folder, '-m', 'retrax.interop.trax', *arguments)
    assert actual.returncode == expected.returncode
    assert actual.stdout == expected.stdout
    # `python -m` itself shows two frames of runpy before those of the module.
    without_runpy = [line for line in expected.stderr.splitlines() if '<frozen runpy>' not in line]
    assert actual.stderr.splitlines() == without_runpy


def test_the_safe_path_stays_safe(folder: Path) -> None:
    for python in (('-P',), ('-P', '-m', 'retrax.interop.trax')):
        done = run(folder, *python, 'program.py', 'number')
        assert done.returncode == 1
        assert "ModuleNotFoundError: No module named 'beside'" in done.stderr


def test_a_program_written_for_trax(folder: Path) -> None:
    (folder / 'course.py').write_text(
        'import trax\nfrom trax import layers as tl\nprint(tl.Serial(tl.Dense(4), tl.LogSoftmax()))'
    )
    done = run(folder, '-m', 'retrax.interop.trax', 'course.py')
    assert done.stderr == ''
    assert done.stdout == 'Serial[\n  Dense_4\n  LogSoftmax\n]\n'


def test_how_to_use_it(folder: Path) -> None:
    assert run(folder, '-m', 'retrax.interop.trax').returncode == 2
    for nothing in ('-m', '-c'):
        done = run(folder, '-m', 'retrax.interop.trax', nothing)
        assert done.returncode == 2
        assert done.stderr.startswith('usage: python -m retrax.interop.trax SCRIPT')
    assert run(folder, '-m', 'retrax.interop.trax', '--help').stdout == done.stderr
