"""Results on disk: benchmarks/results/DATE-MACHINE.json, with the machine and all versions."""

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import subprocess
from typing import Any

import click

from .alternate import ROOT, Row
from .peers import TRAX_PYTHON
from .setting import Setting

FOLDER = pathlib.Path(__file__).parent / 'results'
PACKAGES = 'jax jaxlib optax numpy torch flax equinox keras'.split()
NO_RACE: dict[str, Any] = {'rows': {}, 'skipped': ''}
FLAGS = r'(avx|amx|fma|sve|asimd)'


class Results:
    """What one call of the command measured; grows race by race."""

    def __init__(self, machine: dict[str, Any], races: list[dict[str, Any]], costs: dict[str, Any]):
        self.machine, self.races, self.costs = machine, races, costs

    @classmethod
    def new(cls, threads: int) -> 'Results':
        """Returns empty results of this machine."""
        return cls(machine(threads), [], {})

    @classmethod
    def of_today(cls, threads: int) -> 'Results':
        """Returns those of today, to go on with, or new ones.

        Raises:
          click.ClickException: something of the machine is not what it was.
        """
        new = cls.new(threads)
        if not new.path.exists():
            return new
        old = cls.read(new.path)
        other = [name for name in new.machine if new.machine[name] != old.machine.get(name)]
        if other:
            was, now = ({name: r.machine.get(name) for name in other} for r in (old, new))
            raise click.ClickException(
                f'{new.path.name} was measured with {was}, now there is {now}. Use that again, or '
                'leave the file: move it away, or all --fresh'
            )
        return old

    @classmethod
    def read(cls, path: pathlib.Path) -> 'Results':
        """Returns what `write` wrote."""
        return cls(**json.loads(path.read_text(encoding='utf-8')))

    def add(self, setting: Setting, rows: dict[str, Row], skipped: str = '') -> None:
        """Adds a race, in place of an older one of that setting; or says why it was skipped."""
        self.races = [race for race in self.races if not _same(race, setting)]
        self.races.append({'setting': setting._asdict(), 'rows': rows, 'skipped': skipped})

    def race(self, setting: Setting) -> dict[str, Row]:
        """Returns the rows of a setting, whatever the number of threads; none if it was not run."""
        return self._find(setting)['rows']

    def skipped(self, setting: Setting) -> str:
        """Returns why a race was skipped; '' if it was not."""
        return self._find(setting)['skipped']

    def _find(self, setting):
        return next((race for race in self.races if _same(race, setting)), NO_RACE)

    @property
    def path(self) -> pathlib.Path:
        """results/DATE-MACHINE.json."""
        return FOLDER / f'{self.machine["date"]}-{self.machine["name"]}.json'

    def write(self) -> None:
        """Writes its file."""
        FOLDER.mkdir(exist_ok=True)
        self.path.write_text(_compact(self.__dict__) + '\n', encoding='utf-8')


def _same(race, setting):
    return Setting(**race['setting'])._replace(threads=0) == setting._replace(threads=0)


def fullest() -> pathlib.Path:
    """Returns the results with the most races, of those the newest; GPUs are another thing."""
    return max(_all(), key=lambda path: (len(Results.read(path).races), path))


def others(path: pathlib.Path) -> list['Results']:
    """Returns all other results, the newest first."""
    return [Results.read(other) for other in sorted(_all(), reverse=True) if other != path]


def _all():
    return list(FOLDER.glob('*cores.json'))


def machine(threads: int) -> dict[str, Any]:
    """Returns what a reader needs to judge the times: processor, versions, date."""
    cpu = pathlib.Path('/proc/cpuinfo')
    text = cpu.read_text() if cpu.exists() else ''
    model = re.search(r'model name\s*: (.*)', text)
    flags = re.search(r'flags\s*: (.*)', text)
    return {
        'date': datetime.date.today().isoformat(),
        'name': f'{platform.machine()}-{os.cpu_count()}cores',
        'cpu': model[1] if model else platform.processor(),
        'cpu_flags': [f for f in (flags[1].split() if flags else []) if re.match(FLAGS, f)],
        'cores': os.cpu_count(),
        'threads': threads,
        'system': platform.system(),
        'python': platform.python_version(),
        'versions': {name: _version(name) for name in PACKAGES} | _other_versions(),
    }


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _other_versions():
    """The versions of Trax and its JAX, in its own interpreter."""
    python = os.environ.get(TRAX_PYTHON)
    if not python:
        return {'trax': None}
    ask = 'from importlib.metadata import version as v; print(v("trax"), v("jax"))'
    found = subprocess.run([python, '-c', ask], capture_output=True, text=True, cwd=ROOT / 'docs')
    trax, _, jax = found.stdout.strip().partition(' ')
    return {'trax': f'{trax} (its jax: {jax})' if trax else None}


def _compact(value):
    """JSON with lists of numbers on one line each, five digits of each."""
    rounded = json.loads(json.dumps(value), parse_float=lambda text: float(f'{float(text):.5g}'))
    text = json.dumps(rounded, indent=1)
    return re.sub(r'\[\s+([^\[\]{}]*?)\s+\]', lambda m: '[' + re.sub(r'\s+', ' ', m[1]) + ']', text)
