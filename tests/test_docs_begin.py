"""The pages for those who begin run, and every page of docs/ is in the site's table of contents."""

import pages
import pytest

DOCS = pages.ROOT / 'docs'


@pytest.mark.parametrize(
    ('page', 'n_compared'),
    [('index', 1), ('quickstart', 5), ('stack', 6), ('modes', 4), ('coming-from', 1)],
)
def test_the_page_prints_what_it_shows(page, n_compared, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)  # where a page may write
    assert pages.run(f'docs/{page}.md') == n_compared


def test_every_page_is_in_the_table_of_contents() -> None:
    listed = (DOCS / 'index.md').read_text(encoding='utf-8').splitlines()
    names = {str(path.relative_to(DOCS).with_suffix('')) for path in DOCS.rglob('*.md')}
    built = {name for name in names if name.startswith('_build')}
    assert names - built - {'index'} <= set(listed)
