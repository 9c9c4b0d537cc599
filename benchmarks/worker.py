"""One peer in a process of its own: shows what it computes, then runs when it is told to.

    python -m benchmarks.worker PEER '["train", 512, ...]'

Its first line of output is what it has to show, or why it cannot run; then each line that it reads
is answered with the times of one run. Lines are JSON.
"""

from __future__ import annotations

import functools
import importlib
import json
import os
import sys
import time

from .evidence import evidence
from .setting import Setting


def main(peer: str, setting: Setting) -> None:
    """Serves one peer and one setting until standard input ends."""
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)  # what libraries print must not be taken for an answer

    def answer(**values):
        answers.write(json.dumps(values) + '\n')
        answers.flush()

    _use_threads(setting.threads)
    run, shown = _start(peer, setting)
    if run is None:
        answer(**shown)
        return
    run()  # the first one after the evidence, which may compile again
    answer(**shown)
    for _ in sys.stdin:
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        answer(wall=time.perf_counter() - wall, cpu=time.process_time() - cpu)


def _use_threads(threads):
    # XLA and PyTorch take as many threads as there are processors that the process may use.
    if hasattr(os, 'sched_setaffinity'):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def _start(peer, setting):
    """Returns a function of nothing that makes one run, and what to show before."""
    started = time.perf_counter()
    try:
        module = importlib.import_module(f'benchmarks.peers.{peer}')
    except ModuleNotFoundError as error:
        if str(error.name).split('.')[0] == 'benchmarks':
            raise
        return None, {'missing': f'{error.name} is not installed'}
    imported = time.perf_counter()
    if setting.precision not in getattr(module, 'precisions', ('float32', 'bf16')):
        return None, {'missing': f'does not have {setting.precision}'}
    made = getattr(module, setting.task)(setting)
    if setting.task == 'decode':
        run = functools.partial(made, setting.new_tokens, 1.0)
    else:
        run = made
    first = run()
    return run, {
        'import_s': imported - started,
        'ready_s': time.perf_counter() - imported,
        'convention': module.convention,
        'found': None if module.convention is None else evidence(setting, made, first),
    }


if __name__ == '__main__':
    main(sys.argv[1], Setting(*json.loads(sys.argv[2])))
