"""The pages of examples/ as notebooks and on the site: the same cells, in the same order."""

import importlib.util
import itertools
import json

import pages
import pytest

_spec = importlib.util.spec_from_file_location('notebooks', pages.ROOT / 'docs' / 'notebooks.py')
notebooks = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(notebooks)


def test_every_page_is_there() -> None:
    files = {path.stem for path in (pages.ROOT / 'examples').glob('*.py')}
    assert files - {'trax_program'} == {*notebooks.NAMES}  # that one is a program of Trax
    on_site = {path.stem for path in (pages.ROOT / 'docs' / 'examples').glob('*.md')}
    assert on_site == {*notebooks.NAMES}


@pytest.mark.parametrize('name', notebooks.NAMES)
def test_the_cells_of_a_page(name: str) -> None:
    cells = notebooks.cells(name)
    assert cells[0].text.startswith('# ')
    assert not cells[0].is_code
    for cell in cells:
        if cell.is_code:
            compile(cell.text, name, 'exec')
        else:
            assert '\n# ' not in cell.text  # one title, on top
    source = (pages.ROOT / 'examples' / f'{name}.py').read_text(encoding='utf-8')
    code = [line for line in source.splitlines() if line and not line.startswith('#')]
    in_cells = [line for cell in cells if cell.is_code for line in cell.text.splitlines()]
    assert [line for line in in_cells if line and not line.startswith('#')] == code


@pytest.mark.parametrize('name', notebooks.NAMES)
def test_the_site_shows_the_cells_of_the_page(name: str) -> None:
    text = (pages.ROOT / 'docs' / 'examples' / f'{name}.md').read_text(encoding='utf-8')
    at = 0
    for cell in notebooks.cells(name):
        shown = f'```python\n{cell.text}\n```' if cell.is_code else cell.text
        assert shown in text[at:], f'python docs/notebooks.py pages {name} makes the page again'
        at = text.index(shown, at) + len(shown)


def test_a_notebook_is_one_of_nbformat_4() -> None:
    """The fields that its schema requires of a notebook, a Markdown cell and a code cell."""
    cells = notebooks.cells('dense_per_step')
    made = json.loads(json.dumps(notebooks.notebook(cells)))
    assert made.keys() == {'cells', 'metadata', 'nbformat', 'nbformat_minor'}
    assert (made['nbformat'], made['nbformat_minor']) == (4, 5)
    ids = [cell['id'] for cell in made['cells']]
    assert len({*ids}) == len(ids)
    for cell, ours in zip(made['cells'], cells, strict=True):
        more = {'execution_count', 'outputs'} if ours.is_code else set()
        assert cell.keys() == {'cell_type', 'id', 'metadata', 'source', *more}
        assert cell['cell_type'] == ('code' if ours.is_code else 'markdown')
        assert ''.join(cell['source']) == ours.text


def test_what_a_cell_printed_stands_behind_it() -> None:
    cells = [
        notebooks.Cell(False, '# Two'),
        notebooks.Cell(True, 'print(1 + 1)'),
        notebooks.Cell(True, 'x = 3'),
        notebooks.Cell(True, 'print(x)'),
    ]
    assert notebooks.run(cells) == ['2\n', '', '3\n']
    text = notebooks.page('two', cells, notebooks.run(cells))
    places = [text.index(part) for part in ('# Two', 'print(1', '```text\n2', 'x = 3', 'text\n3')]
    assert all(a < b for a, b in itertools.pairwise(places))
