"""Mistakes in configs: each is told with its file and line, and the page shows what is told."""

import re
from pathlib import Path

import pytest
from config_mistakes import MISTAKES, Mistake, page, told

PAGE = Path(__file__).resolve().parent.parent / 'docs/config-mistakes.md'


@pytest.mark.parametrize('mistake', MISTAKES, ids=[m.what for m in MISTAKES])
def test_what_is_told(mistake: Mistake, tmp_path: Path) -> None:
    message = told(mistake, tmp_path)
    assert mistake.told in message
    has_line = re.search(r"(mine|a|b|base)\.gin:\d+|--gin '", message) is not None
    assert has_line == (not mistake.why_no_line)
    assert '<function' not in message
    assert 'In call to' not in message
    assert {f.name for f in tmp_path.iterdir()} <= {'mine.gin', 'base.gin', 'a.gin', 'b.gin'}


def test_there_are_many_kinds() -> None:
    assert len({m.what for m in MISTAKES}) == len(MISTAKES) >= 60


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding='utf-8') == page(), (
        'run: python tests/config_mistakes.py > docs/config-mistakes.md'
    )
