"""Bars of one file of results: time per token of each peer, race by race."""

import pathlib

from .peers import LABELS, OURS
from .results import Results
from .sets import in_grid
from .setting import Setting
from .summary import spread


def draw(results: Results, path: pathlib.Path) -> None:
    """Writes a PNG with a panel for each race outside the grid. Needs matplotlib."""
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError:
        raise SystemExit("plots need matplotlib: pip install 'retrax[plots]'") from None
    races = [(Setting(**race['setting']), race['rows']) for race in results.races]
    races = [(setting, rows) for setting, rows in races if not in_grid(setting)]
    figure, panels = pyplot.subplots(
        len(races), figsize=(9, 0.6 + 3.2 * len(races)), squeeze=False, layout='constrained'
    )
    for panel, (setting, rows) in zip(panels[:, 0], races, strict=True):
        _bars(panel, setting, rows)
    figure.savefig(path, dpi=120)
    pyplot.close(figure)


def _bars(panel, setting, rows):
    """Medians as bars, quartiles as lines; the fastest on top."""
    found = {
        p: spread([t / setting.tokens * 1e6 for t in r['wall']])
        for p, r in rows.items()
        if r.get('wall')
    }
    order = sorted(found, key=lambda peer: -found[peer].median)
    medians = [found[peer].median for peer in order]
    ends = [
        [found[peer].median - found[peer].low for peer in order],
        [found[peer].high - found[peer].median for peer in order],
    ]
    colours = ['tab:orange' if peer == OURS else 'tab:gray' for peer in order]
    panel.barh([LABELS[peer].replace('`', '') for peer in order], medians, xerr=ends, color=colours)
    panel.set_title(str(setting), loc='left')
    panel.set_xlabel('microseconds per token')
