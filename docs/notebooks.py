"""The pages of examples/, as notebooks and as pages of this site.

    python docs/notebooks.py notebooks [NAME ...]   examples/NAME.ipynb, not run
    python docs/notebooks.py pages [NAME ...]       docs/examples/NAME.md, with what it printed

A page is a Python file in percent format: `# %% [markdown]` begins text, `# %%` begins code.
"""

import contextlib
import importlib.metadata
import io
import json
import platform
import re
import sys
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
NAMES = (
    *('trax_gru_lm', 'keras_text_generation', 'gru_from_scratch', 'gru_cell_weights'),
    *('masked_sentiment', 'gru_vs_lstm', 'dense_per_step', 'd2l_gru', 'dates_lstm'),
)


class Cell(NamedTuple):
    """A piece of a page."""

    is_code: bool
    text: str


def cells(name: str) -> list[Cell]:
    """Returns the cells of examples/NAME.py."""
    source = (ROOT / 'examples' / f'{name}.py').read_text(encoding='utf-8')
    begins = re.split(r'^# %%(.*)\n', source, flags=re.MULTILINE)
    assert not begins[0], f'{name}.py begins before its first cell'
    pairs = zip(begins[1::2], begins[2::2], strict=True)
    return [
        Cell(False, re.sub(r'^# ?', '', text, flags=re.MULTILINE).strip())
        if '[markdown]' in kind
        else Cell(True, text.strip())
        for kind, text in pairs
    ]


def notebook(found: list[Cell]) -> dict[str, Any]:
    """Returns a notebook, of nbformat 4.5, as JSON has it."""
    made = []
    for i, cell in enumerate(found):
        part = {'id': f'cell-{i}', 'metadata': {}, 'source': cell.text.splitlines(keepends=True)}
        if cell.is_code:
            made.append({'cell_type': 'code', **part, 'execution_count': None, 'outputs': []})
        else:
            made.append({'cell_type': 'markdown', **part})
    kernel = {'display_name': 'Python 3', 'language': 'python', 'name': 'python3'}
    metadata = {'kernelspec': kernel, 'language_info': {'name': 'python'}}
    return {'cells': made, 'metadata': metadata, 'nbformat': 4, 'nbformat_minor': 5}


def page(name: str, found: list[Cell], printed: list[str]) -> str:
    """Returns a page of the site, given what each code cell printed."""
    said, outputs = [], iter(printed)
    for cell in found:
        said.append(f'```python\n{cell.text}\n```' if cell.is_code else cell.text)
        if cell.is_code and (output := next(outputs).strip('\n')):
            said.append(f'```text\n{output}\n```')
    versions = ' '.join(f'{lib} {importlib.metadata.version(lib)}' for lib in ('jax', 'numpy'))
    said.append(
        f'Printed by {versions}, Python {platform.python_version()}. The page as a file, which '
        f'opens as a notebook: {{download}}`{name}.py <../../examples/{name}.py>`. This page is '
        f'generated: `python docs/notebooks.py pages {name}`.'
    )
    return '\n\n'.join(said) + '\n'


def run(found: list[Cell]) -> list[str]:
    """Runs the code of a page from top to bottom; returns what each cell printed."""
    namespace, printed = {'__name__': 'page'}, []
    for cell in found:
        if cell.is_code:
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(cell.text, 'page', 'exec'), namespace)
            printed.append(out.getvalue())
    return printed


def main(what: str, *names: str) -> None:
    """Writes files, and says which."""
    for name in names or NAMES:
        found = cells(name)
        if what == 'notebooks':
            path = ROOT / 'examples' / f'{name}.ipynb'
            text = json.dumps(notebook(found), indent=1, ensure_ascii=False) + '\n'
        else:
            path = ROOT / 'docs' / 'examples' / f'{name}.md'
            text = page(name, found, run(found))
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding='utf-8')
        print(path.relative_to(ROOT))


if __name__ == '__main__':
    if sys.argv[1:2] not in (['notebooks'], ['pages']):
        sys.exit(__doc__)
    main(*sys.argv[1:])
