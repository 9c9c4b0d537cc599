"""docs/decoding.md runs, and prints what it says."""

import inspect

import pages

import retrax


def test_the_page_prints_what_it_shows() -> None:
    assert pages.run('docs/decoding.md') == 9


def test_the_page_names_each_argument_of_generate() -> None:
    text = (pages.ROOT / 'docs' / 'decoding.md').read_text(encoding='utf-8')
    plain = {'model', 'prompt', 'max_new_tokens', 'batch_size'}
    for name in set(inspect.signature(retrax.generate).parameters) - plain:
        assert f'`{name}`' in text, name
