"""The table of Trax's tests in docs/parity.md."""

from collections.abc import Iterable
from pathlib import Path

from .expected import DONE, LEFT_OUT, Row
from .wheel import ROOT

PAGE = ROOT / 'docs' / 'parity.md'
MARKS = '<!-- begin: make parity -->', '<!-- end: make parity -->'


def table(rows: Iterable[Row]) -> str:
    """Returns the rows as a table in Markdown, and the reasons below it."""
    lines = ['| file | passed | excused | failed | skipped | |', '|---|---|---|---|---|---|']
    excuses, left_out = [], []
    for row in rows:
        counts = (row.passed, len(row.excused), len(row.failed), row.skipped)
        done = 'done' if row.file in DONE else 'open'
        lines.append(f'| {row.file} | {" | ".join(map(str, counts))} | {done} |')
        excuses += _listed(row, row.excused)
        left_out += _listed(row, LEFT_OUT.get(row.file, {}))
    return '\n'.join([*lines, '', 'Excused:', '', *excuses, '', 'Not run:', '', *left_out])


def _listed(row, reasons):
    return [f'- `{row.file}` {test}: {why}' for test, why in reasons.items()]


def write(text: str, page: Path = PAGE, marks: tuple[str, str] = MARKS) -> None:
    """Puts the text between the two marks of the page.

    Raises:
      ValueError: the page does not have each mark once.
    """
    begin, end = marks
    before, mark, rest = page.read_text(encoding='utf-8').partition(begin)
    _, found, after = rest.partition(end)
    if not mark or not found:
        raise ValueError(f'{page} must have a line {begin} and then a line {end}')
    page.write_text(f'{before}{begin}\n{text}\n{end}{after}', encoding='utf-8')
