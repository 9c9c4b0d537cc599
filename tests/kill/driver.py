"""Kills, resumes, compares. A kill that leaves a run which cannot go on is an error here."""

import collections
import difflib
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

from retrax import checkpoints
from retrax.training import RunDirectory, list_runs
from retrax.training.run_lock import is_lock

HERE = Path(__file__).parent
TEXT = 'the cat sat on the mat and the dog sat on the log. ' * 20
IN_WRITING = 1 / 3  # of the attempts; the others come at a random time
# What a large number of kills must have interrupted.
WHEN = ('beginning', 'before the first checkpoint', 'resuming', 'training', 'metrics.jsonl')


class Kills:
    """Runs that are killed again and again.

    Args:
      folder: an empty one, for the runs.
      seed: of the moments.
    """

    def __init__(self, folder: Path, seed: int):
        self._folder, self._random = folder, random.Random(seed)
        self._corpus = folder / 'corpus.txt'
        self._corpus.write_text(TEXT)
        self.by_moment: collections.Counter[str] = collections.Counter()
        self.n_runs = 0
        self._finish(folder / 'compiling')
        output = self._finish(folder / 'whole')
        self._n_moments, self._seconds = int(output.split()[-2]), float(output.split()[-1])
        self._expected = contents(folder / 'whole')
        assert contents(folder / 'compiling') == self._expected

    def kill(self, kills: int) -> None:
        """Kills so many times; every run is brought to its end and compared."""
        while self.by_moment.total() < kills:
            self.n_runs += 1
            run = self._folder / f'run-{self.n_runs}'
            while self.by_moment.total() < kills and self._killed(run):
                check_resumable(run)
            self._finish(run)
            found = contents(run)
            different = [name for name in {*found, *self._expected} if not self._same(found, name)]
            assert not different, f'{run}: differs in {different}{self._lines(found, different)}'

    def unseen(self) -> list[str]:
        """Returns those of WHEN in which no kill came."""
        return [when for when in WHEN if not any(m.endswith(when) for m in self.by_moment)]

    def _same(self, found, name):
        return found.get(name) == self._expected.get(name)

    def _lines(self, found, different):
        """The lines that differ, of the files that are text."""
        names = [name for name in different if name.endswith(('.json', '.jsonl'))]
        before, after = (
            [line for name in names for line in files.get(name, b'').decode().splitlines()]
            for files in (self._expected, found)
        )
        return ''.join(
            f'\n{line}' for line in difflib.unified_diff(before, after, lineterm='', n=0)
        )

    def _killed(self, run: Path) -> bool:
        """Starts or resumes a run and kills it; False if it had finished before."""
        in_writing = self._random.random() < IN_WRITING
        latest = self._random.randint(1, self._n_moments)  # twice, as what is left gets less
        at = self._random.randint(1, latest) if in_writing else 0
        torn, wait = self._random.random() < 0.5, self._random.random() * self._seconds
        note = self._folder / 'moment.txt'
        note.unlink(missing_ok=True)
        child = self._child(run, at, torn, note)
        assert child.stdout is not None
        child.stdout.readline()
        if not in_writing:
            try:
                child.wait(wait)
            except subprocess.TimeoutExpired:
                child.kill()
        output, errors = child.communicate()
        if child.returncode == 0:
            return False
        assert child.returncode == -signal.SIGKILL, f'{run}: {output}\n{errors}'
        doing = note.read_text().splitlines()[-1]
        self.by_moment[doing if in_writing else f'at a random time, {doing}'] += 1
        return True

    def _finish(self, run: Path) -> str:
        child = self._child(run, 0, False, self._folder / 'moment.txt')
        output, errors = child.communicate()
        assert child.returncode == 0, f'{run}: cannot be resumed\n{errors}'
        return output

    def _child(self, run, at, torn, note):
        cache = {
            'JAX_COMPILATION_CACHE_DIR': str(self._folder / 'compiled'),
            'JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS': '0',
            'JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES': '-1',
        }
        arguments = [str(run), str(self._corpus), str(at), '01'[torn], str(note)]
        return subprocess.Popen(
            [sys.executable, str(HERE / 'child.py'), *arguments],
            env={**os.environ, **cache},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )


def check_resumable(run: Path) -> None:
    """A killed run is listed as interrupted or finished, and its newest checkpoint is whole."""
    if not run.exists():
        return
    for status in list_runs(run):
        assert status.state in ('interrupted', 'finished'), status
    newest = RunDirectory(run).newest
    if newest is not None:
        checkpoints.verify(newest)


def contents(run: Path) -> dict[str, bytes]:
    """All files of a run: weights, optimizer, key, data position, metrics, and what it was told.

    Without the lock of a process that was killed after it had finished, and without its times.
    """
    files = [
        file
        for file in run.rglob('*')
        if file.is_file() and not is_lock(file) and file.name != 'speed.jsonl'
    ]
    return {file.relative_to(run).as_posix(): file.read_bytes() for file in files}
