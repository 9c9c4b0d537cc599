"""The pages of examples/, run from top to bottom as a reader runs them."""

import contextlib
import functools
import io
import runpy
from typing import Any, NamedTuple

import pages


class Page(NamedTuple):
    """What a page left behind."""

    names: dict[str, Any]
    printed: str

    def __getitem__(self, name: str) -> Any:
        return self.names[name]


@functools.cache
def run(name: str) -> Page:
    """Runs examples/NAME.py once in a process, as an import: without arguments."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        names = runpy.run_path(str(pages.ROOT / 'examples' / f'{name}.py'))
    return Page(names, out.getvalue())
