"""docs/trax.md runs, and prints what it says."""

import pages
import pytest

from retrax.interop.trax import uninstall
from retrax.interop.trax.names import MODULES


def test_the_page_prints_what_it_shows() -> None:
    try:
        assert pages.run('docs/trax.md') == 4
    finally:
        uninstall()


@pytest.mark.parametrize('module', [m for m in MODULES if m.count('.') == 1])
def test_the_page_names_each_module(module: str) -> None:
    assert f'`{module}' in (pages.ROOT / 'docs' / 'trax.md').read_text(encoding='utf-8')
