"""`python -m tests.kill --kills 200`, from the root of the repository."""

import tempfile
import time
from importlib import metadata
from pathlib import Path

import click

import retrax

from .driver import Kills

ENOUGH = 100  # kills, to come at all that a run does


@click.command()
@click.option('--kills', default=5, show_default=True, type=click.IntRange(min=1))
@click.option('--seed', default=0, show_default=True)
def main(kills: int, seed: int) -> None:
    """Kills short runs with SIGKILL, resumes each, and compares it with one that was left alone."""
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        killer = Kills(Path(folder), seed)
        killer.kill(kills)
    for moment, count in killer.by_moment.most_common():
        click.echo(f'{count:>5}  {moment}')
    click.echo(
        f'{killer.by_moment.total()} kills in {killer.n_runs} runs, seed {seed}: each was resumed, '
        'and each run ended bit for bit as the one that was not killed. '
        f'retrax {retrax.__version__}, jax {metadata.version("jax")}, '
        f'{time.monotonic() - started:.0f} s.'
    )
    if kills >= ENOUGH and (unseen := killer.unseen()):
        raise click.ClickException(f'no kill came while {", ".join(unseen)}: take another seed')


if __name__ == '__main__':
    main()
