"""`python -m tests.conformance`, from the root: measures all conventions, for docs/weights.md."""

import sys
from pathlib import Path

from ..parity.report import write
from .others import OTHERS
from .table import HEAD, MARKS, row


def main() -> None:
    rows = []
    for name in OTHERS:
        rows.append(row(name))
        print(rows[-1], flush=True)
    write('\n'.join([*HEAD, *rows]), Path('docs/weights.md'), MARKS)


if __name__ == '__main__':
    sys.exit(main())
