"""`python -m benchmarks`: peers side by side, outputs checked first."""

import os

import click

from .alternate import alternate
from .peers import PEERS, TRAX_PYTHON
from .results import Results
from .setting import Setting, new_tokens_for
from .tables import show


@click.group()
def main() -> None:
    """Times the seed model in retrax and in other libraries, each in its own process, in turns.

    A peer whose outputs are not those of the float64 reference is not timed; one that is not
    installed is reported.
    """


OPTIONS = [
    click.option('--peers', help='Comma-separated, in the order of their turns.'),
    click.option('--precision', type=click.Choice(['float32', 'bf16']), default='float32'),
    click.option('--width', default=512, show_default=True),
    click.option('--threads', default=lambda: _threads(), show_default='all'),
    click.option('--repeats', default=20, show_default=True, help='Rounds.'),
    click.option('--budget-seconds', default=60.0, show_default=True, help='For the rounds.'),
    click.option('--trax-python', envvar=TRAX_PYTHON, help='The Python that has Trax.'),
    click.option('--save', is_flag=True, help='Write results/DATE-MACHINE.json.'),
]


def options(function):
    """Adds what all commands that race have."""
    for add in reversed(OPTIONS):
        function = add(function)
    return function


def _threads():
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()


@main.command()
@click.option('--batch', default=32, show_default=True)
@click.option('--time', default=64, show_default=True)
@options
def train(**values) -> None:
    """One step of training with Adam."""
    race('train', **values)


@main.command()
@click.option('--batch', default=32, show_default=True)
@click.option('--time', default=64, show_default=True)
@options
def forward(**values) -> None:
    """An eval pass."""
    race('forward', **values)


@main.command()
@click.option('--batch', default=1, show_default=True)
@click.option('--prompt', 'time', default=1, show_default=True, help='Ids read, the first too.')
@click.option('--new-tokens', type=int, help='Of each row; 256 for one row, fewer for many.')
@options
def decode(new_tokens, batch, **values) -> None:
    """Sampled tokens, end to end."""
    race('decode', batch=batch, new_tokens=new_tokens or new_tokens_for(batch), **values)


def race(task, peers, repeats, budget_seconds, trax_python, save, **sizes) -> None:
    """Runs one setting, prints its table, and keeps it if that was asked."""
    setting = Setting(task, **sizes)
    names = peers.split(',') if peers else PEERS[task]
    unknown = ', '.join(sorted(set(names) - set(PEERS[task])))
    if unknown:
        known = ', '.join(PEERS[task])
        raise click.BadParameter(f'no peer {unknown} for {task}; known: {known}')
    if trax_python:
        os.environ[TRAX_PYTHON] = trax_python
    results = Results.new(setting.threads)
    rows = alternate(setting, names, repeats, budget_seconds)
    show(setting, rows)
    results.add(setting, rows)
    if save:
        click.echo(f'written to {results.write()}')
    if any('refused' in row or 'failed' in row for row in rows.values()):
        raise SystemExit(1)


if __name__ == '__main__':
    main()
