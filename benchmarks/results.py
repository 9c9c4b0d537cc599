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

from .alternate import ROOT, Row
from .peers import TRAX_PYTHON
from .setting import Setting

FOLDER = pathlib.Path(__file__).parent / 'results'
PACKAGES = 'jax jaxlib optax numpy torch flax equinox keras'.split()
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
    def read(cls, path: pathlib.Path) -> 'Results':
        """Returns what `write` wrote."""
        return cls(**json.loads(path.read_text(encoding='utf-8')))

    def add(self, setting: Setting, rows: dict[str, Row]) -> None:
        """Adds a race."""
        self.races.append({'setting': setting._asdict(), 'rows': rows})

    def skip(self, setting: Setting, reason: str) -> None:
        """Adds a race that was not run."""
        self.races.append({'setting': setting._asdict(), 'rows': {}, 'skipped': reason})

    def race(self, setting: Setting) -> dict[str, Row]:
        """Returns the rows of a setting, whatever the number of threads; none if it was not run."""
        wanted = setting._replace(threads=0)
        for race in self.races:
            if Setting(**race['setting'])._replace(threads=0) == wanted:
                return race['rows']
        return {}

    def write(self, folder: pathlib.Path = FOLDER) -> pathlib.Path:
        """Writes DATE-MACHINE.json; returns its path."""
        folder.mkdir(exist_ok=True)
        path = folder / f'{self.machine["date"]}-{self.machine["name"]}.json'
        path.write_text(_compact(self.__dict__) + '\n', encoding='utf-8')
        return path


def newest(folder: pathlib.Path = FOLDER) -> pathlib.Path | None:
    """Returns the newest results, by the date in their name."""
    found = sorted(p for p in folder.glob('*.json') if 'races' in json.loads(p.read_text()))
    return found[-1] if found else None


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
    found = subprocess.run([python, '-c', ask], capture_output=True, text=True, cwd=ROOT.parent)
    trax, _, jax = found.stdout.strip().partition(' ')
    return {'trax': f'{trax} (its jax: {jax})' if trax else None}


def _compact(value):
    """JSON with lists of numbers on one line each, five digits of each."""
    rounded = json.loads(json.dumps(value), parse_float=lambda text: float(f'{float(text):.5g}'))
    text = json.dumps(rounded, indent=1)
    return re.sub(r'\[\s+([^\[\]{}]*?)\s+\]', lambda m: '[' + re.sub(r'\s+', ' ', m[1]) + ']', text)
