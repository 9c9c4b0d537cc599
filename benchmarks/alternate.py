"""Runs peers in alternation, A B A B, each in a process of its own."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from . import checks
from . import seed_model as seed
from .peers import OTHER_PYTHON
from .setting import Setting

ROOT = pathlib.Path(__file__).resolve().parents[1]
PAUSE = 0.01  # seconds in which the threads of the run before go to sleep
Row = dict[str, Any]  # what is known of one peer: its times, or why it has none


def alternate(
    setting: Setting,
    peers: Sequence[str],
    repeats: int,
    budget_s: float,
    start: Any = None,
    together: bool = False,
) -> dict[str, Row]:
    """Returns a row for each peer: 'wall' and 'cpu' hold seconds, run by run, and none is left out.

    A peer that is not installed has 'missing'; one whose outputs are not those of the reference has
    'refused', and is not timed. `budget_s` ends the alternation before `repeats` rounds are made.
    Peers start one after the other, so that what a start takes is known, or `together`.
    """
    start = start or Worker
    rows: dict[str, Row] = {}
    ready = {}
    workers = ((peer, start(peer, setting)) for peer in peers)
    try:
        for peer, worker in list(workers) if together else workers:
            rows[peer] = judged(setting, worker.shown())
            if 'wall' in rows[peer]:
                ready[peer] = worker
            else:
                worker.end()
        _race(ready, rows, repeats, budget_s)
    finally:
        for worker in ready.values():
            worker.end()
    return rows


def judged(setting: Setting, shown: Row) -> Row:
    """Returns a row with empty times, or one that says why there are none."""
    if 'missing' in shown or 'failed' in shown:
        return shown
    row = {name: shown[name] for name in ('import_s', 'ready_s', 'convention')}
    if shown['convention'] is not None:  # a bound of the machine computes nothing to check
        row['error'] = checks.error(setting, seed.Convention(*shown['convention']), shown['found'])
        tolerance = checks.TOLERANCE[setting.precision]
        if not row['error'] < tolerance:
            row['refused'] = f'is {row["error"]:.1e} from the reference, not below {tolerance}'
            return row
    return {**row, 'wall': [], 'cpu': []}


def _race(workers, rows, repeats, budget_s):
    ends = time.monotonic() + budget_s
    for _ in range(repeats):
        for peer, worker in workers.items():
            times = worker.go()
            if 'failed' in times:
                rows[peer] = times
            else:
                rows[peer]['wall'].append(times['wall'])
                rows[peer]['cpu'].append(times['cpu'])
        workers = {peer: worker for peer, worker in workers.items() if 'wall' in rows[peer]}
        if time.monotonic() > ends:
            return


class Worker:
    """A process that runs one peer."""

    def __init__(self, peer: str, setting: Setting):
        self._peer, self._process = peer, None
        python = _python(peer)
        if python is None:
            return
        threads = str(setting.threads)
        self._process = subprocess.Popen(
            [python, '-m', 'benchmarks.worker', peer, json.dumps(setting)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, 'OMP_NUM_THREADS': threads, 'OPENBLAS_NUM_THREADS': threads},
        )

    def shown(self) -> Row:
        """Waits until the peer is ready; returns what it shows, or why it cannot run."""
        if self._process is None:
            variable = OTHER_PYTHON[self._peer]
            return {'missing': f'needs an interpreter of its own, in ${variable}'}
        return self._answer()

    def go(self) -> Row:
        """Makes one run; returns its times."""
        time.sleep(PAUSE)
        try:
            self._process.stdin.write('go\n')
            self._process.stdin.flush()
        except BrokenPipeError:
            return self._ended()
        return self._answer()

    def _answer(self):
        line = self._process.stdout.readline()
        return json.loads(line) if line else self._ended()

    def _ended(self):
        return {'failed': f'ended with {self._process.wait()}; its message is above'}

    def end(self) -> None:
        """Ends the process."""
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
            self._process.wait()
            self._process.stdout.close()


def _python(peer):
    if peer not in OTHER_PYTHON:
        return sys.executable
    return shutil.which(os.environ.get(OTHER_PYTHON[peer], ''))
