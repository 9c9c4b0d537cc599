"""The pages of examples/, run from top to bottom as a reader runs them."""

import contextlib
import functools
import io
import re
from typing import Any, NamedTuple

import pages
from quick import quickly


class Page(NamedTuple):
    """What a page left behind."""

    names: dict[str, Any]
    printed: str

    def __getitem__(self, name: str) -> Any:
        return self.names[name]


@functools.cache
def run(name: str, steps: int | None = None) -> Page:
    """Runs examples/NAME.py once in a process, as an import: without arguments.

    A page as it is may train long, and is compiled as users compile it.

    Args:
      name: of the page.
      steps: what its line `STEPS = ...` is changed to; docs/examples/NAME.md has what it prints
        as it is.
    """
    path = pages.ROOT / 'examples' / f'{name}.py'
    source = path.read_text(encoding='utf-8')
    if steps is not None:
        source, n = re.subn(r'^STEPS = \d+$', f'STEPS = {steps}', source, flags=re.MULTILINE)
        assert n == 1
    names = {'__name__': name}
    compiling = contextlib.nullcontext() if steps is None else quickly()
    with contextlib.redirect_stdout(io.StringIO()) as out, compiling:
        exec(compile(source, str(path), 'exec'), names)
    return Page(names, out.getvalue())
