"""`retrax train`: from a config to a run, shown on the way."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import jax
from rich.console import Console
from rich.text import Text

from .. import configs
from ..training import LabelResult, Result, RunDirectory, Stopped, fresh_path
from ..training import train as train_run
from .display import Display
from .text import sample


def run(name: str, bindings: Sequence[str], out: Path | None, fresh: bool = False) -> None:
    """Trains as a config says, and tells how it went."""
    config = configs.load(name, bindings)
    path = out or Path('runs') / config.name
    directory = RunDirectory(fresh_path(path) if fresh else path)
    console = Console(highlight=False, soft_wrap=True)
    experiment = config.experiment()
    console.print(f'Device      {device()}', markup=False)
    with Display(console) as display:
        try:
            result = train_run(
                experiment,
                directory.path,
                config.text,
                display,
                config_name=config.name,
                operative_config=configs.operative(config),
            )
        except KeyboardInterrupt as stop:
            display.close()
            _interrupted(console, directory)
            signum = stop.signum if isinstance(stop, Stopped) else signal.SIGINT
            sys.exit(128 + signum)
    _tell(console, directory, result)
    if isinstance(result, LabelResult):
        return
    console.print('\nA sample of 300 characters:\n')
    console.print(Text(sample(experiment.model, directory.vocabulary(), 300, seed=1)))


def device() -> str:
    """Returns the device that is used, in words."""
    first = jax.devices()[0]
    if first.platform == 'cpu':
        return f'CPU, {os.cpu_count()} cores'
    more = f' (1 of {jax.device_count()})' if jax.device_count() > 1 else ''
    return f'{first.platform.upper()}, {first.device_kind}{more}'


def _tell(console: Console, directory: RunDirectory, result: Result | LabelResult) -> None:
    corpus = directory.facts()['corpus']
    lines = [
        *_figures(result),
        f'Corpus      {corpus["name"]}, {corpus["n_characters"]:,} characters, '
        f'sha256 {corpus["sha256"]}',
        f'Run         {directory}',
    ]
    console.print('\n'.join(lines), markup=False)


def _figures(result: Result | LabelResult) -> list[str]:
    if isinstance(result, LabelResult):
        return [
            f'Held out    {100 * result.accuracy:.2f}% right after {result.steps:,} steps',
            *(f'Baseline    {100 * value:.2f}% ({k})' for k, value in result.baselines.items()),
        ]
    return [
        f'Held out    {result.bits_per_character:.3f} bits per character after '
        f'{result.steps:,} steps',
        f'Baseline    {result.baseline_bits_per_character:.3f} ({result.baseline}, fitted on the '
        'same training text)',
    ]


def _interrupted(console: Console, directory: RunDirectory) -> None:
    newest = directory.newest
    saved = f'The newest checkpoint is {newest}.' if newest else 'There is no checkpoint yet.'
    console.print(f'\nInterrupted. {saved} The same command goes on from there.', markup=False)
