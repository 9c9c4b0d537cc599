"""docs/training.md runs, and prints what it says."""

import inspect

import pages
import pytest

from retrax import training


def test_the_page_prints_what_it_shows(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert pages.run('docs/training.md') == 3


def test_the_page_names_each_argument_of_the_loop() -> None:
    text = (pages.ROOT / 'docs' / 'training.md').read_text(encoding='utf-8')
    for name in set(inspect.signature(training.Loop).parameters) - {'model', 'tasks'}:
        assert f'`{name}`' in text, name
