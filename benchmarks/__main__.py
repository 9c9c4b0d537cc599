"""`python -m benchmarks`: runs peers in alternation and writes a table and a JSON file."""

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

import click
from rich.console import Console
from rich.table import Table

from .peers import PEERS

RESULTS = pathlib.Path(__file__).parent / 'results'


@click.command()
@click.argument('task', type=click.Choice(['train', 'decode']))
@click.option('--peers', default=','.join(PEERS), show_default=True, help='Comma-separated.')
@click.option('--repeats', default=20, show_default=True)
@click.option('--save/--no-save', default=False, help='Write benchmarks/results/DATE-MACHINE.json.')
def main(task: str, peers: str, repeats: int, save: bool) -> None:
    """Times the seed model: a step of training (B 32, T 64), or decoding (batch 1, 256 tokens).

    Peers take turns, each in its own process; one whose outputs are not those of the float64
    reference is not timed.
    """
    rows = alternate(task, peers.split(','), repeats)
    print_table(task, rows)
    if save:
        click.echo(f'written to {write(task, rows, repeats)}')


def alternate(task: str, peers: list[str], repeats: int) -> dict[str, dict]:
    """Returns for each peer its times, in seconds, from runs A B A B."""
    workers = {peer: _start(peer, task) for peer in peers}
    rows = {peer: {**_answer(worker), 'wall': [], 'cpu': []} for peer, worker in workers.items()}
    for peer, row in rows.items():
        if not row['right']:
            raise SystemExit(f'{peer}: outputs are wrong: {row["found"]}, not {row["wanted"]}')
    for _ in range(repeats):
        for peer, worker in workers.items():
            worker.stdin.write('go\n')
            worker.stdin.flush()
            times = _answer(worker)
            rows[peer]['wall'].append(times['wall'])
            rows[peer]['cpu'].append(times['cpu'])
    for worker in workers.values():
        worker.stdin.close()
        worker.wait()
    return rows


def _start(peer, task):
    # One after the other: a worker answers when it is ready, so none is timed beside a start.
    return subprocess.Popen(
        [sys.executable, '-m', 'benchmarks.worker', peer, task],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _answer(worker):
    line = worker.stdout.readline()
    if not line:
        raise SystemExit(f'a worker ended with {worker.wait()}; its message is above')
    return json.loads(line)


def print_table(task: str, rows: dict[str, dict]) -> None:
    """Prints medians, quartiles and the ratio to the first peer, run by run."""
    table = Table(title=f'{task}: wall time, {os.cpu_count()} cores')
    for column in ('peer', 'median ms', 'quartiles', 'tokens/s', 'cpu ms', 'time / first'):
        table.add_column(column, justify='left' if column == 'peer' else 'right')
    first = next(iter(rows.values()))['wall']
    for peer, row in rows.items():
        low, median, high = statistics.quantiles(row['wall'], n=4)
        ratio = statistics.median(b / a for a, b in zip(first, row['wall'], strict=True))
        table.add_row(
            peer,
            f'{median * 1e3:.1f}',
            f'{low * 1e3:.1f} to {high * 1e3:.1f}',
            f'{row["tokens"] / median:,.0f}',
            f'{statistics.median(row["cpu"]) * 1e3:.1f}',
            f'{ratio:.2f}',
        )
    Console().print(table)


def write(task: str, rows: dict[str, dict], repeats: int) -> pathlib.Path:
    """Writes the times with versions and machine; returns the file."""
    RESULTS.mkdir(exist_ok=True)
    cpu = pathlib.Path('/proc/cpuinfo')
    text = cpu.read_text() if cpu.exists() else ''
    model = re.search(r'model name\s*: (.*)', text)
    flags = re.search(r'flags\s*: (.*)', text)
    kept = [f for f in (flags[1].split() if flags else []) if re.match(r'avx|amx|fma', f)]
    versions = {}
    for name in ('jax', 'jaxlib', 'optax', 'numpy', 'torch'):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    result = {
        'task': task,
        'repeats': repeats,
        'python': platform.python_version(),
        'versions': versions,
        'cpu': model[1] if model else platform.processor(),
        'cores': os.cpu_count(),
        'cpu_flags': kept,
        'peers': rows,
    }
    day = datetime.date.today().isoformat()
    path = RESULTS / f'{day}-{platform.machine()}-{os.cpu_count()}cores-{task}.json'
    path.write_text(json.dumps(result, indent=1) + '\n')
    return path


if __name__ == '__main__':
    main()
