"""Peak memory of going once through texts of several sizes: it must not grow with them."""

import concurrent.futures
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

import click

from retrax import data

BATCH_SIZE, WINDOW = 32, 64


@click.command()
@click.option('--megabytes', default='10,1000', show_default=True, help='Comma-separated sizes.')
def memory(megabytes: str) -> None:
    """Reads texts of several sizes as tokens and batches, each in its own process."""
    click.echo(f'{"text":>10} {"batches":>10} {"seconds":>8} {"peak resident":>14}')
    with tempfile.TemporaryDirectory() as folder:
        for size in map(int, megabytes.split(',')):
            n_batches, seconds, peak = _apart(stream, Path(folder), size * 10**6)
            click.echo(f'{size:>7} MB {n_batches:>10,} {seconds:>8.1f} {peak / 1e6:>11.1f} MB')


def _apart(function, *arguments):
    """Runs a function in a new process, whose peak is then its own."""
    context = multiprocessing.get_context('spawn')
    with concurrent.futures.ProcessPoolExecutor(1, context) as pool:
        return pool.submit(function, *arguments).result()


def stream(folder: Path, n_bytes: int) -> tuple[int, float, int]:
    """Writes a text, goes once through its batches, and returns (batches, seconds, peak bytes)."""
    text, tokens = folder / 'text.txt', folder / 'tokens'
    write(text, n_bytes)
    started = time.perf_counter()
    encoded = data.TokenFile.write(tokens, data.read_lines(text), data.ByteVocabulary())
    batches = data.ContiguousBatches(encoded, BATCH_SIZE, WINDOW)
    n_tokens = sum(int(batch.weights.sum()) for batch in batches)
    if n_tokens != n_bytes:
        raise RuntimeError(f'{n_bytes} bytes were written, {n_tokens} tokens read')
    unit = 1 if sys.platform == 'darwin' else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return len(batches), time.perf_counter() - started, peak


def write(file: Path, n_bytes: int) -> None:
    """Writes numbered lines, as many bytes as asked for."""
    with open(file, 'w', encoding='ascii', newline='\n') as out:
        left, number = n_bytes, 0
        while left:
            line = f'line {number}: the keys near the old door are lost\n'[-left:]
            out.write(line)
            left, number = left - len(line), number + 1
