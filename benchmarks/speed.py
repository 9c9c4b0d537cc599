"""The README's section on speed, made of one file of results."""

from .peers import OURS
from .results import Results
from .summary import ratio, spread
from .targets import FORWARD, TRAIN, TRAIN_BF16, decoding

RACES = {
    'a step of training': TRAIN,
    'the same in bf16': TRAIN_BF16,
    'an eval pass': FORWARD,
    'a token, 1 row': decoding(1),
    'a token, 8 rows': decoding(8),
    'a token, 128 rows': decoding(128),
}
LIBRARIES = {
    'PyTorch': 'torch_',
    'Flax': 'flax_',
    'Equinox': 'equinox_',
    'Keras': 'keras_',
    'Trax': 'trax_',
}  # and how the names of their peers begin


def speed(results: Results) -> str:
    """Returns the section: a line for each race, a column for each library."""
    cores = results.machine['cores']
    rows = '\n'.join(_row(what, results.race(setting)) for what, setting in RACES.items())
    return f"""## Speed

How many times as long as retrax others take, each library in the fastest form that was tried: the
model above, width 512, on {cores} CPU cores, with the same weights, tokens and loss.
Programs took turns in one run, and only those whose outputs are those of float64 NumPy.

| | {' | '.join(LIBRARIES)} |
|---|{'---:|' * len(LIBRARIES)}
{rows}

Every number, the targets that were missed and where others are ahead:
[docs/benchmarks.md](docs/benchmarks.md); why: [docs/performance.md](docs/performance.md)."""


def _row(what, rows):
    cells = (_best(rows, prefix) for prefix in LIBRARIES.values())
    return f'| {what} | {" | ".join(cells)} |'


def _best(rows, prefix):
    """The ratio of the fastest peer of a library; nothing if none took part."""
    walls = [
        row['wall'] for peer, row in rows.items() if peer.startswith(prefix) and row.get('wall')
    ]
    if not walls or not rows.get(OURS, {}).get('wall'):
        return ''
    best = min(walls, key=lambda wall: spread(wall).median)
    return f'{ratio(best, rows[OURS]["wall"]).median:.2f}'
