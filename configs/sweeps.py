"""Sweeps: a run for each of several sets of bindings, named by them, in one folder."""

import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from gin import config_parser

from ..training import Reporter, Result, RunDirectory
from .bindings import Delegate
from .errors import ConfigError, explained
from .gin_config import Config
from .names import load
from .registry import known
from .runs import train


class Point(NamedTuple):
    """What one run of a sweep is told."""

    config: str  # a name, or a path
    bindings: tuple[str, ...] = ()  # lines that win over it

    @property
    def name(self) -> str:
        """The name of its run: `gru_pydocs,GRU.n_units=64`."""
        words = Path(self.config).stem, *self.bindings
        return ','.join(re.sub(r'[^\w.,=+-]+', '', word.replace('/', '.')) for word in words)


class Planned(NamedTuple):
    """A run of a sweep, whose config was read and checked."""

    config: Config
    run: RunDirectory

    def train(self, reporter: Reporter | None = None) -> Result:
        """Trains, or goes on; a run that has finished is left alone, its corpus unread.

        Raises:
          Stopped, DivergedError, RunError, CheckpointError, OSError, ValueError: as
            `training.train`.
        """
        if self.run.exists and (result := self.run.result()) is not None:
            self.run.check_config(self.config.text)
            return result
        return train(self.config, self.run.path, reporter)


def points(
    configs: Sequence[str], lines: Iterable[str] | None = None, grid: Sequence[str] = ()
) -> list[Point]:
    """Returns a point for each config, each line and each combination of the grid.

    >>> [point.name for point in points(['gru_pydocs'], grid=['GRULM.n_layers=[1, 2]'])]
    ['gru_pydocs,GRULM.n_layers=1', 'gru_pydocs,GRULM.n_layers=2']

    Args:
      configs: names, or paths.
      lines: bindings with ';' between them; what follows a '#' and what is empty does not count;
        inside quotes both are text.
      grid: bindings whose values are lists of values.

    Raises:
      ConfigError: a binding of the grid has no list, there is nothing to run, or two runs would
        have one name.
    """
    sets = [()] if lines is None else [found for line in lines if (found := _bindings(line))]
    axes = [_axis(axis) for axis in grid]
    made = [
        Point(config, (*some, *more))
        for config, some, more in itertools.product(configs, sets, itertools.product(*axes))
    ]
    names = [point.name for point in made]
    if not made:
        raise ConfigError('A sweep of no runs: the list has no bindings, or the grid no values.')
    if twice := {name for name in names if names.count(name) > 1}:
        raise ConfigError(f'These runs of the sweep would be in one directory: {sorted(twice)}')
    return made


def planned(points: Sequence[Point], folder: Path) -> list[Planned]:
    """Returns the runs of a sweep, each in a directory of its own, named by its point.

    Raises:
      ConfigError: a config has a mistake.
    """
    return [
        Planned(load(point.config, point.bindings), RunDirectory(folder / point.name))
        for point in points
    ]


# Of a line of a list: a string, whose ';' and '#' are its own, a comment, or one character.
_PIECE = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|\#.*|.""")


def _bindings(line: str) -> tuple[str, ...]:
    pieces = [piece for piece in _PIECE.findall(line) if not piece.startswith('#')]
    parts = ''.join('\n' if piece == ';' else piece for piece in pieces).splitlines()
    return tuple(part.strip() for part in parts if part.strip())


def _axis(text: str) -> list[str]:
    """Returns a binding for each value of the list that a binding has."""
    name, _, _ = text.partition('=')
    with explained(f"--grid '{text}'", known, text):
        found = list(config_parser.ConfigParser(text + '\n', Delegate()))
        value = getattr(found[0], 'value', None) if len(found) == 1 else None
        if not isinstance(value, list | tuple):
            raise ConfigError(
                f"--grid '{text}': expected one binding with a list of values, such as "
                f'{name.strip()}=[1, 2]'
            )
        return [f'{name.strip()}={one!r}' for one in value]
