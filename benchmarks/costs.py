"""What is paid once: importing, initialising, compiling; each time in a new process.

python -m benchmarks.costs NAME    # measures it in this process and prints the seconds
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable

from .alternate import ROOT

Times = dict[str, list[float]]


def _writing():
    """The environment of a Python that writes bytecode, whatever ours says.

    Without bytecode it compiles a package anew in each process; an installed one has it.
    """
    return {k: v for k, v in os.environ.items() if k != 'PYTHONDONTWRITEBYTECODE'}


def measure(group: str, repeats: int) -> Times:
    """Returns the seconds of each cost of a group, in turns."""
    found: Times = {name: [] for name in GROUPS[group]}
    for seconds in GROUPS[group].values():
        seconds()  # unmeasured: writes the bytecode that an installer writes
    for _ in range(repeats):
        for name, seconds in GROUPS[group].items():
            found[name].append(seconds())
    return found


def _process(*arguments: str) -> Callable[[], float]:
    """The whole life of a process of this Python."""

    def seconds():
        command, start = [sys.executable, *arguments], time.perf_counter()
        subprocess.run(command, check=True, cwd=ROOT / 'docs', capture_output=True, env=_writing())
        return time.perf_counter() - start

    return seconds


def _within(name: str) -> Callable[[], float]:
    """What a new process finds when it measures itself."""

    def seconds():
        command = [sys.executable, '-m', 'benchmarks.costs', name]
        found = subprocess.run(
            command, check=True, cwd=ROOT, capture_output=True, text=True, env=_writing()
        )
        return float(found.stdout.split()[-1])

    return seconds


GROUPS: dict[str, dict[str, Callable[[], float]]] = {
    'import': {
        'layers': _process('-c', 'from retrax import layers'),
        'jax': _process('-c', 'import jax'),
        'help': _process('-m', 'retrax', '--help'),
    },
    'init': {'gru_100': _within('gru_100')},
    'first-token': {'generate': _within('generate'), 'one step': _within('one step')},
}
LABELS = {
    ('import', 'layers'): '`from retrax import layers`',
    ('import', 'jax'): '`import jax`',
    ('import', 'help'): '`retrax --help`',
    ('init', 'gru_100'): 'init of 100 GRU layers, width 64',
    ('first-token', 'generate'): 'first token, cold',
    ('first-token', 'one step'): 'compiling one step',
}


def _gru_100():
    import numpy as np

    from retrax import layers as tl
    from retrax.models import GRULM

    start = time.perf_counter()
    GRULM(256, 64, 100).init(tl.ShapeDtype((1, 1), np.int32))
    return time.perf_counter() - start


def _generate():
    import retrax

    model = _seed_model()
    start = time.perf_counter()
    retrax.generate(model, max_new_tokens=1)
    return time.perf_counter() - start


def _one_step():
    import jax
    import jax.numpy as jnp

    view = _seed_model().as_mode('predict')
    arguments = jnp.zeros((1, 1), jnp.int32), view.weights, view.new_state(1), None
    start = time.perf_counter()
    jax.jit(view.pure_fn).lower(*arguments).compile()
    return time.perf_counter() - start


def _seed_model():
    from .peers import retrax_gru
    from .seed_model import SEED

    return retrax_gru.model_of(SEED)


if __name__ == '__main__':
    print({'gru_100': _gru_100, 'generate': _generate, 'one step': _one_step}[sys.argv[1]]())
