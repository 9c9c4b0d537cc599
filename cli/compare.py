"""`retrax compare`: configs or runs side by side: size, time of a step, what was learned."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from .. import configs
from ..inspection.tables import plain, table
from ..training import RunDirectory
from ..training.compiling import step_cost
from ..training.evaluate import exp
from .text import sample


class Learned(NamedTuple):
    """What a run has come to."""

    run: RunDirectory
    step: int
    figures: dict[str, float]  # the newest held-out ones, by name


def compare(names: Sequence[str], length: int) -> None:
    """Prints a table of configs and runs, and a sample of each language model that was trained.

    Of a config, what was learned is that of `runs/NAME`, if it is there and of this config.
    """
    made = table('', ['', 'run'], ['weights', 'ms/step', 'step', 'held out', 'perplexity'])
    samples = []
    for name in names:
        config, learned = _found(name)
        experiment = config.experiment()
        milliseconds = 1000 * step_cost(experiment).step_seconds
        row = [plain(name), plain(learned.run if learned else ''), f'{experiment.n_weights:,}']
        made.add_row(*row, f'{milliseconds:,.1f}', *_figures(learned))
        if learned and learned.step and experiment.what.goes_on and length:
            loaded = configs.load_run(learned.run.path)
            reader = experiment.what.reader(loaded.model)
            samples.append((name, sample(reader, loaded.vocabulary, length, seed=1)))
    Console(width=None if sys.stdout.isatty() else 10_000).print(made)
    for name, text in samples:
        Console().print(plain(f'\n{name}:\n    ' + text.replace('\n', '\n    ')))


def _found(name: str) -> tuple[Any, Learned | None]:
    run = RunDirectory(name)
    if run.exists:
        return configs.of_run(run), _learned(run)
    config = configs.load(name)
    run = RunDirectory(Path('runs') / config.name)
    return config, _learned(run) if run.exists and run.config() == config.text else None


def _learned(run: RunDirectory) -> Learned:
    newest = run.newest
    step = 0 if newest is None else int(newest.name.partition('-')[2])
    figures = {name: value for line in run.metrics() for name, value in line.items()}
    return Learned(run, step, figures)


def _figures(learned: Learned | None) -> list[str]:
    """Returns step, what was measured on held-out data, and its perplexity."""
    found = learned.figures if learned else {}
    if learned and (bits := found.get('heldout_bits_per_character')) is not None:
        return [f'{learned.step:,}', f'{bits:.3f} bpc', f'{exp(bits * math.log(2)):.3f}']
    share = found.get('heldout_accuracy', found.get('heldout_exact_match'))
    if learned is None or share is None:
        return ['', '', '']
    perplexity = found.get('heldout_perplexity')
    per_token = '' if perplexity is None else f'{perplexity:.3f}'
    return [f'{learned.step:,}', f'{100 * share:.2f}%', per_token]
