"""`retrax train`: from a config to a run, shown on the way."""

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import jax
from rich.console import Console
from rich.text import Text

from .. import configs
from ..training import Result, RunDirectory, Stopped, TextResult, fresh_path
from .display import Display
from .text import sample


def run(name: str, bindings: Sequence[str], out: Path | None, fresh: bool = False) -> None:
    """Trains as a config says, and tells how it went."""
    config = configs.load(name, bindings)
    path = out or Path('runs') / config.name
    directory = RunDirectory(fresh_path(path) if fresh else path)
    console = Console(highlight=False, soft_wrap=True)
    console.print(f'Device      {device()}', markup=False)
    with Display(console) as display:
        try:
            result = configs.train(config, directory.path, display)
        except KeyboardInterrupt as stop:
            display.close()
            end_interrupted(stop, directory, console)
    _tell(console, directory, result)
    if not isinstance(result, TextResult):
        return
    loaded = configs.load_run(directory.path)
    reader = loaded.experiment.what.reader(loaded.model)
    console.print('\nA sample:\n')
    console.print(Text(sample(reader, loaded.vocabulary, 300, seed=1)))


def device() -> str:
    """Returns the device that is used, in words."""
    first = jax.devices()[0]
    if first.platform == 'cpu':
        return f'CPU, {os.cpu_count()} cores'
    more = f' (1 of {jax.device_count()})' if jax.device_count() > 1 else ''
    return f'{first.platform.upper()}, {first.device_kind}{more}'


def _tell(console: Console, directory: RunDirectory, result: Result) -> None:
    corpus = directory.facts()['corpus']
    lines = [
        *result.lines,
        f'Corpus      {corpus["name"]}, {corpus["n_characters"]:,} characters, '
        f'sha256 {corpus["sha256"]}',
        f'Run         {directory}',
    ]
    console.print('\n'.join(lines), markup=False)


def end_interrupted(stop: KeyboardInterrupt, directory: RunDirectory, console: Console) -> NoReturn:
    """Says what an interrupted run has, and exits as shells expect it."""
    newest = directory.newest
    saved = f'The newest checkpoint is {newest}.' if newest else 'There is no checkpoint yet.'
    console.print(f'\nInterrupted. {saved} The same command goes on from there.', markup=False)
    sys.exit(128 + (stop.signum if isinstance(stop, Stopped) else signal.SIGINT))
