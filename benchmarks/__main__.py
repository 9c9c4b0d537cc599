"""`python -m benchmarks`: peers side by side, outputs checked first."""

import os
import pathlib
import time

import click

from . import plots, report, running, sets
from .alternate import alternate
from .loop import loop
from .memory import memory
from .peers import PEERS, TRAX_PYTHON
from .quality import quality
from .results import Results, fullest
from .setting import Setting, new_tokens_for
from .tables import show


@click.group()
def main() -> None:
    """Times the seed model in retrax and in other libraries, each in its own process, in turns.

    A peer whose outputs are not those of the float64 reference is not timed; one that is not
    installed is reported.
    """


def _processors():
    return len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()


def _trax_python(context, parameter, path):
    if path:
        os.environ[TRAX_PYTHON] = path


COMMON = [
    click.option('--threads', default=_processors(), show_default=True),
    click.option('--repeats', default=20, show_default=True, help='Rounds.'),
    click.option(
        '--trax-python', expose_value=False, callback=_trax_python, help='The Python that has Trax.'
    ),
    click.option('--plot', is_flag=True, help='Draw the results, as a PNG.'),
]
ONE_RACE = [
    click.option('--peers', help='Comma-separated, in the order of their turns.'),
    click.option('--precision', type=click.Choice(['float32', 'bf16']), default='float32'),
    click.option('--width', default=512, show_default=True),
    click.option('--budget-seconds', default=60.0, show_default=True, help='For the rounds.'),
    click.option('--save', is_flag=True, help='Add it to results/DATE-MACHINE.json.'),
]
BATCH_AND_TIME = [
    click.option('--batch', default=32, show_default=True),
    click.option('--time', default=64, show_default=True),
]


def options(*lists):
    """Adds lists of options to a command."""

    def with_options(function):
        for option in reversed([option for options in lists for option in options]):
            function = option(function)
        return function

    return with_options


@main.command()
@options(BATCH_AND_TIME, ONE_RACE, COMMON)
def train(**values) -> None:
    """One step of training with Adam."""
    _race('train', **values)


@main.command()
@options(BATCH_AND_TIME, ONE_RACE, COMMON)
def forward(**values) -> None:
    """An eval pass."""
    _race('forward', **values)


@main.command()
@click.option('--batch', default=1, show_default=True)
@click.option('--prompt', 'time', default=1, show_default=True, help='Ids read, the first too.')
@click.option('--new-tokens', type=int, help='Of each row; 256 for one row, fewer for many.')
@options(ONE_RACE, COMMON)
def decode(new_tokens, batch, **values) -> None:
    """Sampled tokens, end to end."""
    _race('decode', batch=batch, new_tokens=new_tokens or new_tokens_for(batch), **values)


def _race(task, peers, repeats, budget_seconds, save, plot, **sizes):
    """Runs one setting, prints its table, and keeps it if that was asked."""
    setting = Setting(task, **sizes)
    names = peers.split(',') if peers else PEERS[task]
    unknown = ', '.join(sorted(set(names) - set(PEERS[task])))
    if unknown:
        known = ', '.join(PEERS[task])
        raise click.BadParameter(f'no peer {unknown} for {task}; known: {known}')
    results = Results.of_today(setting.threads) if save else Results.new(setting.threads)
    rows = alternate(setting, names, repeats, budget_seconds)
    show(setting, rows)
    results.add(setting, rows)
    if save:
        _keep(results, plot)
    elif plot:
        plots.draw(results, pathlib.Path('benchmarks.png'))
    if any('refused' in row or 'failed' in row for row in rows.values()):
        raise SystemExit(1)


@main.command('short')
@options(COMMON)
def short_set(threads, repeats, plot) -> None:
    """The seed model against the nearest peers, in five minutes; nothing is saved."""
    results = Results.new(threads)
    running.run_costs(results, ['import'], keep=lambda: None)
    running.run(results, sets.short(), repeats, time.monotonic() + 360, keep=lambda: None)
    if plot:
        plots.draw(results, pathlib.Path('benchmarks.png'))


@main.command('all')
@click.option('--minutes', default=25.0, show_default=True, help='Starts no race after that.')
@click.option('--fresh', is_flag=True, help="Leave today's results; without it they are completed.")
@options(COMMON)
def committed_set(minutes, fresh, threads, repeats, plot) -> None:
    """Everything that results/ holds; run it again to go on where the time ended it."""
    results = Results.new(threads) if fresh else Results.of_today(threads)
    ends = time.monotonic() + 60 * minutes
    running.run_costs(results, running.COST_REPEATS, results.write)
    done = running.run(results, sets.committed(), repeats, ends, results.write)
    _keep(results, plot)
    click.echo('all was measured' if done else 'time ended; the same command goes on from here')


def _keep(results, plot):
    results.write()
    click.echo(f'written to {results.path}')
    if plot:
        plots.draw(results, results.path.with_suffix('.png'))


def _cost(group, text):
    @main.command(group, help=text)
    @click.option('--save', is_flag=True, help='Add it to results/DATE-MACHINE.json.')
    def measure(save) -> None:
        results = Results.of_today(_processors()) if save else Results.new(_processors())
        results.costs.pop(group, None)
        running.run_costs(results, [group], results.write if save else lambda: None)


_cost('import', 'Importing layers, against importing jax; retrax --help.')
_cost('init', 'Initialising 100 GRU layers.')
_cost('first-token', 'The first token of a cold start, against compiling one step.')


@main.command('report')
@click.argument('path', type=click.Path(exists=True, path_type=pathlib.Path), required=False)
def write_report(path) -> None:
    """Writes docs/benchmarks.md and the README's table, from the fullest results or a file."""
    report.write(path or fullest())


main.add_command(loop)
main.add_command(memory)
main.add_command(quality)


if __name__ == '__main__':
    main()
