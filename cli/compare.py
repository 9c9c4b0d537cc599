"""`retrax compare`: configs or runs side by side: size, time of a step, what was learned."""

import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from .. import configs
from ..inspection.tables import plain, table
from ..training import LabelResult, RunDirectory
from ..training.compiling import step_cost
from .text import sample


class Learned(NamedTuple):
    """What a run has come to."""

    run: RunDirectory
    step: int
    figure: float | None  # the newest held-out one
    is_bits: bool


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
        if learned and learned.step and learned.is_bits and length:
            loaded = configs.load_run(learned.run.path)
            samples.append((name, sample(loaded.model, loaded.vocabulary, length, seed=1)))
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
    lines, newest = run.metrics(), run.newest
    bits = [line['heldout_bits_per_character'] for line in lines if _BITS in line]
    shares = [line['heldout_accuracy'] for line in lines if 'heldout_accuracy' in line]
    figures = bits or shares
    step = 0 if newest is None else int(newest.name.partition('-')[2])
    is_bits = not shares and not isinstance(run.result(), LabelResult)
    return Learned(run, step, figures[-1] if figures else None, is_bits)


_BITS = 'heldout_bits_per_character'


def _figures(learned: Learned | None) -> list[str]:
    if learned is None or learned.figure is None:
        return ['', '', '']
    if not learned.is_bits:
        return [f'{learned.step:,}', f'{100 * learned.figure:.2f}%', '']
    perplexity = math.exp(learned.figure * math.log(2))
    return [f'{learned.step:,}', f'{learned.figure:.3f} bpc', f'{perplexity:.3f}']
