"""What five recurrent layers learn from one budget: the runs, and their table on a page."""

import hashlib
import pathlib
import re
import statistics
from collections.abc import Sequence

import click
from rich.console import Console

from retrax import configs
from retrax.cli.display import Display
from retrax.training import RunDirectory

from .alternate import ROOT
from .sections import put

FOLDER = pathlib.Path(__file__).parent / 'recurrences'
CELLS = {'gru': 'GRU', 'lstm': 'LSTM', 'rnn': 'RNN', 'sru': 'SRU', 'mingru': 'MinGRU'}
PAGE = ROOT / 'docs' / 'results.md'
TITLE = '## Five recurrences, one budget'


@click.command('quality')
@click.option('--seeds', default=3, show_default=True, help='How many runs of each.')
@click.option('--gin', 'bindings', multiple=True, help='A binding for all runs.')
@click.option(
    '--out',
    default='runs/quality',
    show_default=True,
    type=click.Path(path_type=pathlib.Path, file_okay=False),
    help='The folder of the runs.',
)
@click.option(
    '--page', default=PAGE, type=click.Path(path_type=pathlib.Path), help='Where the table goes.'
)
def quality(seeds, bindings, out, page) -> None:
    """Trains RNN, GRU, LSTM, SRU and MinGRU at one budget, and writes docs/results.md.

    Runs that have finished are left alone, and one that was interrupted goes on.
    """
    runs = planned(seeds, bindings, out)
    for number, one in enumerate(runs, 1):
        console = Console(highlight=False, soft_wrap=True)
        console.print(f'\nRun {number} of {len(runs)}: {one.run}', markup=False)
        with Display(console) as display:
            one.train(display)
    text = section([one.run for one in runs], bindings)
    page.write_text(put(page.read_text(encoding='utf-8'), text), encoding='utf-8')
    click.echo(text)


def planned(seeds: int, bindings: Sequence[str], out: pathlib.Path) -> list[configs.Planned]:
    """Returns the runs, all layers of the first seed first."""
    files = [str(FOLDER / f'{cell}.gin') for cell in CELLS]
    lines = ['; '.join(bindings)] if bindings else None
    points = configs.points(files, lines, [f'train.seed={list(range(seeds))}'])
    return configs.planned(sorted(points, key=lambda point: point.bindings[-1]), out)


def section(runs: Sequence[RunDirectory], bindings: Sequence[str] = ()) -> str:
    """Returns the part of docs/results.md about finished runs, the best layer first."""
    by_cell: dict[str, list[RunDirectory]] = {}
    for run in runs:
        by_cell.setdefault(run.facts()['config'], []).append(run)
    seeds = sorted(run.facts()['seed'] for run in next(iter(by_cell.values())))
    order = sorted(by_cell, key=lambda cell: statistics.mean(map(_bits, by_cell[cell])))
    told = ''.join(f" --gin '{binding}'" for binding in bindings)
    return '\n'.join(
        [
            TITLE,
            '',
            f'    python -m benchmarks quality{told}',
            '',
            'Held-out bits per character of the same model with another layer in it, twice: equal',
            'weights to 1 %, so equal arithmetic, and equal tokens. Each learning rate is the best',
            'of 2e-3, 4e-3, 8e-3, 16e-3 and 32e-3 after 300 steps with another seed; an LSTM',
            'at 64e-3 is behind with two more.',
            '',
            f'| | width | weights | rate | {" | ".join(f"seed {seed}" for seed in seeds)} | mean |'
            ' config.gin |',
            f'|---|---:|---:|---:|{"---:|" * len(seeds)}---:|---|',
            *(_row(cell, by_cell[cell]) for cell in order),
            '',
            *_protocol(runs[0]),
        ]
    )


def _row(cell: str, runs: Sequence[RunDirectory]) -> str:
    facts, config = runs[0].facts(), runs[0].config()
    bits = [_bits(run) for run in sorted(runs, key=lambda run: run.facts()['seed'])]
    digest = hashlib.sha256(config.encode()).hexdigest()[:12]
    width, rate = (re.search(rf'^{name} = (.*)', config, re.MULTILINE) for name in _MACROS)
    cells = [
        CELLS[cell],
        width[1],
        f'{facts["weights"]:,}',
        rate[1],
        *(f'{value:.3f}' for value in bits),
        f'**{statistics.mean(bits):.3f}**',
        digest,
    ]
    return f'| {" | ".join(cells)} |'


_MACROS = 'WIDTH', 'RATE'


def _protocol(run: RunDirectory) -> list[str]:
    facts = run.facts()
    corpus = facts['corpus']
    versions = ', '.join(f'{name} {version}' for name, version in facts['versions'].items())
    return [
        f'{facts["steps"]:,} steps; carried state over contiguous streams of the '
        f'{corpus["n_heldout"]:,} held-out characters; corpus',
        f'{corpus["name"]}, {corpus["n_characters"]:,} characters, sha256',
        f'{corpus["sha256"]}. The last column is the sha256 of the config of the first seed.',
        f'{facts["device"]}; {versions}.',
    ]


def _bits(run: RunDirectory) -> float:
    return run.result().bits_per_character
