"""docs/inspection.md runs, and prints what it says."""

import re

import pages


def test_the_page_prints_what_it_shows() -> None:
    assert pages.run('docs/inspection.md') == 3


def test_the_pictures_are_there_and_small() -> None:
    text = (pages.ROOT / 'docs/inspection.md').read_text(encoding='utf-8')
    found = re.findall(r'!\[.+?\]\((.+?)\)', text)
    assert len(found) == 3
    for name in found:
        assert 5_000 < (pages.ROOT / 'docs' / name).stat().st_size < 150_000, name
