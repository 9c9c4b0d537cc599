"""docs/recurrent.md runs, and prints what it says."""

import inspect

import pages

from retrax import layers as tl


def test_the_page_prints_what_it_shows() -> None:
    assert pages.run('docs/recurrent.md') == 3


def test_the_page_names_each_argument_of_recurrent() -> None:
    text = (pages.ROOT / 'docs' / 'recurrent.md').read_text(encoding='utf-8')
    for name in set(inspect.signature(tl.Recurrent).parameters) - {'cell', 'mode', 'name'}:
        assert f'| `{name}` |' in text, name
