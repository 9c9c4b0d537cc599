"""docs/training.md runs, and prints what it says."""

import inspect
import re

import pages
import pytest
from conformance.peers import peer

from retrax import training


def test_the_page_prints_what_it_shows(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert pages.run('docs/training.md') == 3


def test_its_part_about_grain(tmp_path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    peer('grain')
    monkeypatch.chdir(tmp_path)
    text = (pages.ROOT / 'docs' / 'training.md').read_text(encoding='utf-8')
    code, printed = re.findall(r'```(?:python|text) grain\n(.*?)```', text, re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out.endswith('\n' + printed)


def test_the_page_names_each_argument_of_the_loop() -> None:
    text = (pages.ROOT / 'docs' / 'training.md').read_text(encoding='utf-8')
    for name in set(inspect.signature(training.Loop).parameters) - {'model', 'tasks'}:
        assert f'`{name}`' in text, name
