"""`retrax plot`: the loss curves of runs, in the terminal and as a picture."""

import importlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from ..inspection.tables import plain
from ..training import RunDirectory

MARKS = 'ox+*#@%&'
Curve = list[tuple[int, float]]


def plot(runs: Sequence[Path], metric: str, png: Path | None) -> None:
    """Draws a metric of runs by their steps; one that is not finite has no point."""
    curves = {str(run): curve(RunDirectory(run), metric) for run in runs}
    console = Console(highlight=False)
    width = min(console.width, 100) - 12
    for line in lines(list(curves.values()), max(width, 20), 16):
        console.print(plain(line), soft_wrap=True)
    for mark, (name, points) in zip(_marks(len(curves)), curves.items(), strict=True):
        step, value = points[-1]
        console.print(plain(f'{mark} {name}: {metric} {value:.4g} at step {step:,}'))
    if png is not None:
        draw(curves, metric, png)
        console.print(plain(f'Written to {png}'))


def curve(run: RunDirectory, metric: str) -> Curve:
    """Returns the (step, value) pairs of a metric of a run.

    Raises:
      ValueError: it was not measured.
    """
    run.facts()  # says so where there is no run
    found = run.metrics()
    points = [(line['step'], line[metric]) for line in found if metric in line]
    points = [point for point in points if math.isfinite(point[1])]
    if not points:
        names = sorted({name for line in found for name in line} - {'step'})
        raise ValueError(
            f'{run}: there are no values of {metric!r} yet; it has {", ".join(names) or "none"}'
        )
    return points


def lines(curves: Sequence[Curve], width: int, height: int) -> list[str]:
    """Returns a picture of curves in characters, with both axes.

    >>> print('\\n'.join(lines([[(0, 2.0), (10, 1.0)]], 12, 3)))
             2 |o
           1.5 |
             1 |           o
               +------------
               0          10
    """
    steps = [step for points in curves for step, _ in points]
    values = [value for points in curves for _, value in points]
    grid = [[' '] * width for _ in range(height)]
    for mark, points in zip(_marks(len(curves)), curves, strict=True):
        for step, value in points:
            row = height - 1 - _place(value, values, height)
            grid[row][_place(step, steps, width)] = mark
    low, high = min(values), max(values)
    levels = [high + (low - high) * i / max(1, height - 1) for i in range(height)]
    rows = [f'{level:>10.4g} |{"".join(row)}' for level, row in zip(levels, grid, strict=True)]
    ends = f'{min(steps)}{max(steps):>{max(1, width - len(str(min(steps))))}}'
    return [*(row.rstrip() for row in rows), ' ' * 11 + '+' + '-' * width, ' ' * 11 + ends]


def draw(curves: dict[str, Curve], metric: str, png: Path) -> None:
    """Writes curves as a picture. Needs matplotlib."""
    pyplot = _pyplot()
    figure, axes = pyplot.subplots(figsize=(9, 5), layout='constrained')
    for name, points in curves.items():
        axes.plot(*zip(*points, strict=True), label=name, marker='.' if len(points) < 50 else '')
    axes.set_xlabel('step')
    axes.set_ylabel(metric)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(png, dpi=120)
    pyplot.close(figure)


def _pyplot() -> Any:
    try:
        importlib.import_module('matplotlib').use('agg')  # no window
        return importlib.import_module('matplotlib.pyplot')
    except ModuleNotFoundError:
        raise ValueError(
            "--png needs matplotlib: pip install 'retrax[plots]'. The curve in a terminal does not."
        ) from None


def _marks(n: int) -> str:
    return (MARKS * (n // len(MARKS) + 1))[:n]


def _place(value: float, all_values: Sequence[float], n: int) -> int:
    low, high = min(all_values), max(all_values)
    return 0 if high == low else round((value - low) / (high - low) * (n - 1))
