"""`python -m tests.parity`, from the root of the repository: the table of Trax's own tests."""

import tempfile
from collections import Counter
from pathlib import Path

import click

from . import report
from .expected import DONE, EXCUSED, LEFT_OUT, OPEN, judge
from .running import prepare, run
from .wheel import NoWheelError, unpack


@click.command()
@click.argument('files', nargs=-1)
@click.option('--write', is_flag=True, help='Write the table of all files to docs/parity.md.')
@click.option('--why', is_flag=True, help='Tell each failure.')
def main(files: tuple[str, ...], write: bool, why: bool) -> None:
    """Runs Trax's test FILES (all by default), e.g. layers/core_test.py, against retrax."""
    if write and files:
        raise click.UsageError('--write is for the table of all files')
    rows = list(_rows(files or sorted(DONE + OPEN), why))
    if write:
        report.write(report.table(rows))
    bad = [row.file for row in rows if row.file in DONE and not row.ok]
    total = Counter(passed=sum(r.passed for r in rows), failed=sum(len(r.failed) for r in rows))
    click.echo(f'{total["passed"]} passed, {total["failed"]} failed in {len(rows)} files')
    if bad:
        raise click.ClickException(f'not as expected in tests/parity/expected.toml: {bad}')


def _rows(files, why):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        try:
            unpack(folder)
        except NoWheelError as error:
            raise click.ClickException(str(error)) from error
        prepare(folder)
        for file in files:
            row = judge(file, run(folder, file, LEFT_OUT.get(file, {})), EXCUSED.get(file, {}))
            click.echo(
                f'{file:32} {row.passed:3} passed {len(row.excused):3} excused '
                f'{len(row.failed):3} failed {row.skipped:3} skipped'
            )
            for test, reason in row.failed.items() if why or file in DONE else ():
                click.echo(f'    {test}: {reason}')
            for test in row.stale:
                click.echo(f'    {test} is excused, and does not fail: take it off the list')
            yield row


if __name__ == '__main__':
    main()
