"""`retrax sweep`: several runs one after another, and one table of all."""

import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console

from .. import configs
from ..data import read_lines
from ..inspection.tables import plain, table
from ..training import DivergedError, Result, RunDirectory
from .display import Display
from .main import is_for_users
from .train import device, end_interrupted

Results = Mapping[RunDirectory, Result | Exception]


def run(
    names: Sequence[str],
    grid: Sequence[str],
    listed: Path | None,
    folder: Path,
    debug: bool = False,
) -> None:
    """Trains the runs of a sweep, and prints what each came to; exits with 1 if one failed.

    With `debug` the traceback of one that failed is shown where it failed.
    """
    lines = None if listed is None else list(read_lines(listed))
    runs = configs.planned(configs.points(names, lines, grid), folder)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f'Device      {device()}', markup=False)
    results: dict[RunDirectory, Result | Exception] = {}
    for number, planned in enumerate(runs, 1):
        console.print(plain(f'\nRun {number} of {len(runs)}: {planned.run}'))
        with Display(console) as display:
            try:
                results[planned.run] = planned.train(display)
            except KeyboardInterrupt as stop:
                display.close()
                end_interrupted(stop, planned.run, console)
            except Exception as error:  # that of one run does not end the others
                if not is_for_users(error):
                    raise
                results[planned.run] = error
                if debug:
                    display.close()
                    traceback.print_exception(error)
    show(results, console)
    if any(isinstance(result, Exception) for result in results.values()):
        sys.exit(1)


def show(results: Results, console: Console) -> None:
    """Prints a table of runs, the best first, and below it why some have no result."""
    made = table('', ['run'], ['weights', 'steps', 'loss', 'held out'])
    for run in sorted(results, key=lambda run: _rank(results[run])):
        made.add_row(plain(run), *_known(run, results[run]), _figure(results[run]))
    wide = console if console.is_terminal else Console(width=10_000)  # a pipe has no width
    wide.print(made)
    for run, result in results.items():
        if isinstance(result, Exception):
            console.print(plain(f'{run} {_figure(result)}. {result}'))


def _rank(result):
    return result.rank if isinstance(result, Result) else float('inf')


def _figure(result):
    if isinstance(result, Result):
        return result.figure
    return 'diverged' if isinstance(result, DivergedError) else 'failed'


def _known(run, result):
    """Returns weights, steps and the last loss; nothing of a run whose files may be at fault."""
    if not isinstance(result, Result | DivergedError):
        return '', '', ''
    facts, losses = run.facts(), [line['loss'] for line in run.metrics() if 'loss' in line]
    return f'{facts["weights"]:,}', f'{facts["steps"]:,}', f'{losses[-1]:.3f}' if losses else ''
