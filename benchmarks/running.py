"""Runs many races, keeps what was measured after each, and goes on where it was left."""

import time
from collections.abc import Callable, Iterable

import click

from . import costs
from .alternate import alternate
from .results import Results
from .sets import SLOWEST_RUN, Planned, work
from .setting import Setting
from .summary import spread
from .tables import show

COST_REPEATS = {'import': 10, 'init': 3, 'first-token': 3}


def run(
    results: Results,
    planned: Iterable[Planned],
    repeats: int,
    ends: float,
    keep: Callable[[], None],
) -> bool:
    """Runs races that are not in results yet, until a time; returns whether all are done.

    One whose rows lack a peer is run again. `keep` is called after each.
    """
    for race in planned:
        setting = race.setting._replace(threads=results.machine['threads'])
        if set(race.peers) <= set(results.race(setting)) or results.skipped(setting):
            continue
        if time.monotonic() > ends:
            return False
        seconds = expected(results, setting)
        if seconds > SLOWEST_RUN:
            results.add(setting, {}, f'skipped: a run would take {seconds:.0f} s or more')
        else:
            rows = alternate(setting, race.peers, repeats, race.seconds, together=race.together)
            show(setting, rows)
            results.add(setting, rows)
        keep()
    return True


def expected(results: Results, setting: Setting) -> float:
    """Returns the least that a step or an eval pass may take, by the best rate seen; 0 if none was.

    A rate is of the same task and precision.
    """
    rates = [
        spread(row['wall']).median / work(Setting(**race['setting']))
        for race in results.races
        if all(race['setting'][name] == getattr(setting, name) for name in ('task', 'precision'))
        for row in race['rows'].values()
        if row.get('wall')
    ]
    return min(rates) * work(setting) if setting.task != 'decode' and rates else 0.0


def run_costs(results: Results, groups: Iterable[str], keep: Callable[[], None]) -> None:
    """Measures costs that are not in results yet."""
    for group in groups:
        if group not in results.costs:
            results.costs[group] = costs.measure(group, COST_REPEATS[group])
            for name, found in results.costs[group].items():
                click.echo(f'{group}: {name}: {spread(found).median:.3f} s')
            keep()
