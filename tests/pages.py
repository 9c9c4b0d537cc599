"""Pages of documentation whose Python runs from top to bottom, and prints what they show."""

import contextlib
import io
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def blocks(page: str) -> list[tuple[str, str]]:
    """Returns the blocks of a page, given its path from the root: ('python' or 'text', content)."""
    text = (ROOT / page).read_text(encoding='utf-8')
    return re.findall(r'```(python|text)\n(.*?)```', text, flags=re.DOTALL)


def run(page: str) -> int:
    """Runs the Python blocks; returns how many text blocks were what the block before printed."""
    namespace: dict = {'__name__': 'page'}
    printed = ''
    compared = 0
    for kind, content in blocks(page):
        if kind == 'python':
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(content, page, 'exec'), namespace)
            printed = out.getvalue()
        else:
            assert printed == content
            compared += 1
    return compared
