"""Tables that print: plain with str(), in colours with rich."""

import io

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text


class Printed:
    """Something that rich renders; str() gives the same as plain text."""

    def __rich__(self) -> RenderableType:
        raise NotImplementedError

    def __str__(self):
        console = Console(file=io.StringIO(), width=200, color_system=None, legacy_windows=False)
        with console.capture() as captured:
            console.print(self)
        return '\n'.join(line.rstrip() for line in captured.get().splitlines()).strip('\n')


def table(title: str, left: list[str], right: list[str]) -> Table:
    """Returns an empty table: columns of text, then columns of numbers."""
    heading = plain(title)  # rich would take the brackets of a shape for markup
    made = Table(title=heading, title_justify='left', box=box.SIMPLE_HEAD, pad_edge=False)
    for name in left:
        made.add_column(name, overflow='fold')
    for name in right:
        made.add_column(name, justify='right', no_wrap=True)
    return made


def plain(value: object) -> Text:
    """Returns text that rich shows as it is."""
    return Text(str(value))


def number(n: int) -> str:
    """Writes an int with thousands; nothing for 0.

    >>> number(3411200)
    '3,411,200'
    """
    return f'{n:,}' if n else ''


def size(n_bytes: int) -> str:
    """Writes a number of bytes with a unit of 1024 to the next; nothing for 0.

    >>> size(13644800), size(512)
    ('13.0 MiB', '512 B')
    """
    if n_bytes < 1024:
        return f'{n_bytes} B' if n_bytes else ''
    value, unit = n_bytes / 1024, 0
    while value >= 1024 and unit < 3:
        value, unit = value / 1024, unit + 1
    return f'{value:.1f} {("KiB", "MiB", "GiB", "TiB")[unit]}'
