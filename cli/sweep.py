"""`retrax sweep`: several runs one after another, and one table of all."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from .. import configs
from ..inspection.tables import plain, table
from ..training import DivergedError, Result, RunDirectory
from .display import Display
from .train import device, end_interrupted

Results = Mapping[RunDirectory, Result | DivergedError]


def run(names: Sequence[str], grid: Sequence[str], listed: Path | None, folder: Path) -> None:
    """Trains the runs of a sweep, and prints what each came to; exits with 1 if one diverged."""
    lines = None if listed is None else listed.read_text(encoding='utf-8').splitlines()
    runs = configs.planned(configs.points(names, lines, grid), folder)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f'Device      {device()}', markup=False)
    results: dict[RunDirectory, Result | DivergedError] = {}
    for number, planned in enumerate(runs, 1):
        console.print(plain(f'\nRun {number} of {len(runs)}: {planned.run}'))
        with Display(console) as display:
            try:
                results[planned.run] = planned.train(display)
            except DivergedError as error:  # that of one run does not end the others
                results[planned.run] = error
            except KeyboardInterrupt as stop:
                display.close()
                end_interrupted(stop, planned.run, console)
    show(results, console)
    if any(isinstance(result, DivergedError) for result in results.values()):
        sys.exit(1)


def show(results: Results, console: Console) -> None:
    """Prints a table of runs, the best first, and below it why some have no result."""
    made = table('', ['run'], ['weights', 'steps', 'loss', 'held out'])
    for run in sorted(results, key=lambda run: _rank(results[run])):
        losses = [line['loss'] for line in run.metrics() if 'loss' in line]
        made.add_row(
            plain(run),
            f'{run.facts()["weights"]:,}',
            f'{run.facts()["steps"]:,}',
            f'{losses[-1]:.3f}' if losses else '',
            _figure(results[run]),
        )
    wide = console if console.is_terminal else Console(width=10_000)  # a pipe has no width
    wide.print(made)
    for run, result in results.items():
        if isinstance(result, DivergedError):
            console.print(plain(f'{run} diverged. {result}'))


def _rank(result):
    return result.rank if isinstance(result, Result) else float('inf')


def _figure(result):
    return result.figure if isinstance(result, Result) else 'diverged'
