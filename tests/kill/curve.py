"""A long run that is killed on the way, beside one that is not: `python -m tests.kill.curve`."""

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import click

from retrax import checkpoints
from retrax.training import RunDirectory, list_runs

PROBE = 50, 150  # steps whose seconds say how long a step takes: starting and compiling cancel
LOOK = 0.05  # seconds between two looks at how far a run has come


@click.command()
@click.option('--config', default='gru_pydocs', show_default=True)
@click.option('--minutes', default=30.0, show_default=True, help='Of each of the two runs.')
@click.option('--steps', type=int, help='Of each, instead of so many minutes.')
@click.option('--kills', default=2, show_default=True, type=click.IntRange(min=0))
@click.option('--seed', default=0, show_default=True, help='Of the moments.')
@click.option('--gin', 'bindings', multiple=True)
@click.option('--out', type=click.Path(path_type=Path), help='Where the runs stay, and go on.')
def main(
    config: str,
    minutes: float,
    steps: int | None,
    kills: int,
    seed: int,
    bindings: Sequence[str],
    out: Path | None,
) -> None:
    """Trains for some minutes; trains again with SIGKILLs at random times; compares all lines.

    Each line of metrics.jsonl and each byte of the last checkpoint must be equal.
    """
    with tempfile.TemporaryDirectory() as folder:
        curve = Curve(out or Path(folder), config, bindings)
        n = steps or curve.steps_in(60 * minutes)
        whole = curve.finish('whole', n)[0]
        told = [curve.kill_at(n, moment) for moment in moments(n, kills, seed)]
        cut = curve.finish('cut', n)[0]
        problem = difference(whole, cut)
        if problem:
            raise click.ClickException(problem)
        lines = whole.metrics()
        click.echo(
            f'{config}, {n:,} steps. Killed {len(told)} times: {"; ".join(told)}. All '
            f'{len(lines):,} lines of metrics.jsonl and the last checkpoint are those of the run '
            f'that was left alone, bit for bit; {whole.result()}'
        )


def moments(steps: int, kills: int, seed: int) -> list[float]:
    """Returns when a run is killed, in steps: once in each of as many parts of its middle."""
    draw = random.Random(seed)
    return [steps * (0.1 + 0.8 * (part + draw.random()) / kills) for part in range(kills)]


class Curve:
    """Starts, kills and ends the runs of one config."""

    def __init__(self, folder: Path, config: str, bindings: Sequence[str]):
        self._folder, self._config, self._bindings = folder, config, bindings

    def steps_in(self, seconds: float) -> int:
        """Returns about how many steps are made in so many seconds."""
        few, more = (self.finish(f'probe-{n}', n, 'train.steps')[1] for n in PROBE)
        step = (more - few) / (PROBE[1] - PROBE[0])
        step = max(step, more / PROBE[1] / 4)  # other work may have slowed the first probe down
        return max(PROBE[1], round(seconds / step))

    def finish(self, name: str, steps: int, binding: str = 'STEPS') -> tuple[RunDirectory, float]:
        """Brings a run to its end; returns it and how many seconds that took."""
        started = time.monotonic()
        child = self._child(name, steps, binding)
        _, errors = child.communicate()
        if child.returncode:
            raise click.ClickException(f'{name} ended with {child.returncode}: {errors}')
        return RunDirectory(self._folder / name), time.monotonic() - started

    def kill_at(self, steps: int, moment: float) -> str:
        """Trains until the run has come to a step, and kills it within a second of that."""
        child = self._child('cut', steps)
        run = self._folder / 'cut'
        while child.poll() is None and _made(run) < moment:
            time.sleep(LOOK)
        time.sleep(moment % 1)
        child.kill()
        child.communicate()
        if child.returncode == 0:
            raise click.ClickException(f'the run had ended before step {moment:.0f}')
        made = _made(run)
        (status,) = list_runs(run)
        assert status.state in ('interrupted', 'finished'), status
        newest = RunDirectory(run).newest
        if newest is not None:
            checkpoints.verify(newest)
        return f'at step {made:,}, gone on from step {status.step:,}'

    def _child(self, name, steps, binding='STEPS'):
        more = [f'{binding} = {steps}', *self._bindings]
        return subprocess.Popen(
            [
                *(sys.executable, '-m', 'retrax', 'train', self._config),
                *(word for binding in more for word in ('--gin', binding)),
                *('--out', str(self._folder / name)),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


def difference(whole: RunDirectory, cut: RunDirectory) -> str:
    """Returns the first thing in which two finished runs differ; '' if they are equal."""
    lines = [run.path.joinpath('metrics.jsonl').read_text().splitlines() for run in (whole, cut)]
    for number, (mine, other) in enumerate(zip(*lines, strict=False), 1):
        if mine != other:
            return f'line {number} of metrics.jsonl differs:\n{mine}\n{other}'
    if len(lines[0]) != len(lines[1]):
        return f'metrics.jsonl has {len(lines[0])} lines, after the kills {len(lines[1])}'
    for name in ('arrays.safetensors', 'checkpoint.json'):
        if _newest(whole, name) != _newest(cut, name):
            return f'{name} of the last checkpoint differs'
    return ''


def _newest(run, name):
    newest = run.newest
    return newest is not None and (newest.name, (newest / name).read_bytes())


def _made(run):
    """Returns the last step that a run has noted."""
    lines = RunDirectory(run).metrics() if (run / 'metrics.jsonl').exists() else []
    return lines[-1]['step'] if lines else 0


if __name__ == '__main__':
    main()
