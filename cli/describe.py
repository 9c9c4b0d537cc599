"""`retrax summary`, `verify` and `diff`: what a config makes, and what two do not share."""

import sys
from typing import Any

from rich.console import Console

from .. import configs, inspection
from ..inspection.tables import plain, size, table
from ..training import RunDirectory, Sizes
from ..training.compiling import step_cost


def summarise(name: str, compiles: bool) -> None:
    """Prints the layers of a config or run, and what a training step costs."""
    experiment = _config(name).experiment()
    _console().print(inspection.summary(experiment.model, _inputs(experiment)))
    if not compiles:
        return
    cost = step_cost(experiment)
    words = experiment.what.sizes_in_words(experiment.sizes)
    made = table(f'One training step of {words}', [''], [''])
    made.show_header = False
    made.add_row('compiling', f'{cost.compile_seconds:.2f} s')
    made.add_row('a step', f'{1000 * cost.step_seconds:,.1f} ms')
    for part, n_bytes in cost.memory.items():
        made.add_row(f'memory: {part}', size(n_bytes) or '0 B')
    if not cost.memory:
        made.add_row('memory', 'this device does not tell')
    _console().print(made)


def examine(name: str) -> bool:
    """Prints what each law found on the model of a config or run; returns whether all are kept."""
    experiment = _config(name).experiment()
    report = inspection.verify(experiment.model, _inputs(experiment))
    _console().print(report)
    return report.ok


def compare(left: str, right: str) -> None:
    """Prints what differs between two configs or runs."""
    found = configs.differences(_config(left), _config(right))
    if not found:
        _console().print(f'{left} and {right} are the same experiment.', markup=False)
        return
    made = table(f'{left} and {right}', ['parameter', left, right], [])
    for row in found:
        made.add_row(*map(plain, row))
    _console().print(made)


def _inputs(experiment: Any) -> Any:
    """The signature of a model's inputs, whatever their sizes are."""
    names: Any = 'b', 't', 's'
    return experiment.what.inputs(Sizes(*names))


def _config(name: str) -> Any:
    run = RunDirectory(name)
    return configs.of_run(run) if run.exists else configs.load(name)


def _console():
    wide = None if sys.stdout.isatty() else 120  # a pipe has no width of its own
    return Console(width=wide)
