"""Tables of one race, for the terminal."""

import sys

from rich.console import Console
from rich.table import Table

from .alternate import Row
from .peers import OURS
from .setting import Setting
from .summary import Spread, ratio, spread

COLUMNS = (
    'peer',
    'runs',
    'median ms',
    'quartiles',
    'per token',
    'cpu ms',
    'ready s',
    'x ours',
)


def show(setting: Setting, rows: dict[str, Row]) -> None:
    """Prints medians, quartiles and ratios."""
    table = Table(title=f'{setting}, {setting.threads} threads')
    for column in COLUMNS:
        justify = 'left' if column == 'peer' else 'right'
        table.add_column(column, justify=justify, no_wrap=True)
    for peer in rows:
        table.add_row(*line(setting, rows, peer))
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def line(setting: Setting, rows: dict[str, Row], peer: str) -> list[str]:
    """Returns one peer's cells, in the order of COLUMNS."""
    row = rows[peer]
    if not row.get('wall'):
        return [peer, '0', why_not(row), '', '', '', '', '']
    wall, ours = spread(row['wall']), rows.get(OURS, {}).get('wall')
    return [
        peer,
        str(len(row['wall'])),
        f'{wall.median * 1e3:.2f}',
        f'{wall.low * 1e3:.2f} to {wall.high * 1e3:.2f}',
        f'{wall.median / setting.tokens * 1e6:.2f} µs',
        f'{spread(row["cpu"]).median * 1e3:.1f}',
        f'{row["ready_s"]:.1f}',
        times(ratio(row['wall'], ours)) if ours else '',
    ]


def why_not(row: Row) -> str:
    """Returns why a peer has no times."""
    found = [f'{word}: {row[word]}' for word in ('missing', 'refused', 'failed') if word in row]
    return found[0] if found else 'no time was left'


def times(found: Spread) -> str:
    """Returns a ratio with its quartiles."""
    return f'{found.median:.2f} ({found.low:.2f} to {found.high:.2f})'
