"""`retrax runs`: a table of the runs of a folder."""

import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..training import list_runs

_STYLES = {'running': 'cyan', 'finished': 'green', 'interrupted': 'yellow', 'damaged': 'red'}


def show(folder: Path) -> None:
    """Prints the table, and below it why a run is damaged."""
    # A pipe has no width of its own, and what reads it wants a run on one line.
    console = Console(width=None if sys.stdout.isatty() else 10_000, highlight=False)
    runs = list_runs(folder)
    if not runs:
        console.print(f'{folder}: no runs yet. retrax train CONFIG makes one.', markup=False)
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ('run', 'state', 'config'):
        table.add_column(name, overflow='fold')
    for name in ('step', 'loss', 'held-out bpc', 'accuracy', 'age'):
        table.add_column(name, justify='right', no_wrap=True)
    for run in runs:
        table.add_row(
            Text(str(run.path)),
            Text(run.state, style=_STYLES[run.state]),
            Text(run.config),
            f'{run.step:,}/{run.steps:,}',
            _figure(run.loss),
            _figure(run.heldout),
            _figure(run.accuracy),
            age(run.seconds),
        )
    console.print(table)
    for run in runs:
        if run.problem:
            console.print(Text(f'{run.path} is damaged: {run.problem}'), soft_wrap=True)


def age(seconds: float) -> str:
    """Returns a duration as people say it.

    >>> age(12), age(200), age(7300), age(400_000)
    ('12 s', '3 min', '2 h', '4 days')
    """
    for limit, size, unit in ((60, 1, 's'), (3600, 60, 'min'), (48 * 3600, 3600, 'h')):
        if seconds < limit:
            return f'{seconds // size:.0f} {unit}'
    return f'{seconds // (24 * 3600):.0f} days'


def _figure(value: float | None) -> str:
    return '' if value is None else f'{value:.3f}'
