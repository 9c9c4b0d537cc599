"""Tables that print: plain with str(), in colours with rich."""

import io
from html import escape

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text


class Printed:
    """Something that rich renders; str() gives the same as plain text."""

    def __rich__(self) -> RenderableType:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        """What a notebook shows: tables, and the lines around them."""
        return html(self.__rich__())

    def __str__(self):
        console = Console(file=io.StringIO(), width=200, color_system=None, legacy_windows=False)
        with console.capture() as captured:
            console.print(self)
        return '\n'.join(line.rstrip() for line in captured.get().splitlines()).strip('\n')


def html(shown: RenderableType) -> str:
    """Returns a table, a text or a group of them as HTML, which takes on the notebook's colours."""
    if isinstance(shown, Group):
        return ''.join(map(html, shown.renderables))
    if not isinstance(shown, Table):
        return f'<p>{escape(str(shown))}</p>'
    title = '' if shown.title is None else escape(str(shown.title))
    columns = [_column(column) for column in shown.columns]
    rows = ''.join(f'<tr>{"".join(row)}</tr>' for row in zip(*columns, strict=True))
    return (
        '<div style="overflow-x: auto"><table style="border-collapse: collapse">'
        f'<caption style="text-align: left; font-weight: bold">{title}</caption>{rows}'
        '</table></div>'
    )


def _column(column):
    """Returns the cells of a column, its name first."""
    style = f'text-align: {column.justify}; white-space: pre; padding: 0.1em 0.8em 0.1em 0'
    name = '' if column.header is None else escape(str(column.header))
    cells = [f'<td style="{style}">{escape(str(cell))}</td>' for cell in column.cells]
    line = 'border-bottom: 1px solid currentColor'
    return [f'<th style="{style}; {line}">{name}</th>', *cells]


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
