"""The page of `retrax inspect` in a browser: keys, mouse, colours, and no complaints."""

from pathlib import Path
from typing import Any

import browser
import numpy as np
import pytest
from test_inspection_page import IDS, TEXT

from retrax import models
from retrax.data import ByteVocabulary
from retrax.inspection import summary
from retrax.inspection.reading import read
from retrax.inspection.web import page

pytestmark = pytest.mark.skipif(browser.CHROMIUM is None, reason='needs Chromium')

CHECKED = "[...document.querySelectorAll('[aria-checked=true]')].map((e) => e.textContent)"
READOUT = "document.getElementById('readout').textContent"
SHADE = "document.querySelector('#text span').style.background"
PAPER = 'getComputedStyle(document.body).backgroundColor'


@pytest.fixture(scope='module')
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lm = models.GRULM(256, 6, 2)
    lm.init(IDS)
    found = read(lm, ByteVocabulary(), TEXT)
    path = tmp_path_factory.mktemp('page') / 'page.html'
    path.write_text(page(found, 'run', ['facts'], summary(lm, IDS)), encoding='utf-8')
    return path


@pytest.fixture(scope='module')
def tab(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with browser.browser(tmp_path_factory.mktemp('profile')) as opened:
        yield opened


def test_keys(tab: browser.Browser, file: Path) -> None:
    tab.open(file, 1280, 1000)
    assert tab.see("document.getElementById('text').textContent") == TEXT
    assert tab.see(CHECKED) == ['GRU#2', 'h', 'unit']
    tab.see("document.getElementById('unit').value = 2")
    tab.see("document.getElementById('unit').dispatchEvent(new Event('change'))")
    tab.press('ArrowRight', 'ArrowRight', 'ArrowDown')
    assert tab.see(READOUT).startswith('ü at 2. Unit 3: u 0.')
    tab.press('l', 'v', 'ArrowUp', 'ArrowLeft')
    assert tab.see(CHECKED) == ['GRU#1', 'u', 'unit']
    assert tab.see(READOUT).startswith('r at 1. Unit 2: ')
    assert 'Surprise 8.' in tab.see(READOUT)  # as good as one of 256
    before = tab.see(SHADE)
    tab.press('s')
    assert tab.see(CHECKED)[-1] == 'surprise'
    assert tab.see(SHADE) != before
    tab.press('End')
    assert tab.see(READOUT).startswith(f'line break at {len(TEXT) - 1}.')
    assert tab.see("document.getElementById('scroll').scrollLeft") > 0
    for _ in range(9):
        tab.press('ArrowDown')
    assert 'Unit 5: ' in tab.see(READOUT)  # the last one
    assert tab.problems == []


def test_mouse(tab: browser.Browser, file: Path) -> None:
    tab.open(file, 1280, 1000)
    tab.click('#text span:nth-child(2)')
    assert tab.see(READOUT).startswith('r at 1.')
    tab.click('#layers button')
    tab.click('#values button:nth-child(2)')
    assert tab.see(CHECKED) == ['GRU#1', 'r', 'unit']
    tab.click('.map canvas', 30.5 / len(TEXT), 3.5 / 6)  # 30 characters along, fourth unit
    assert tab.see(READOUT).startswith(f'{TEXT[30]} at 30. Unit 3: ')
    tab.click('#responses button')
    chosen = tab.see("document.querySelector('#responses [aria-current=true] .unit').textContent")
    assert f'Unit {chosen}: ' in tab.see(READOUT)
    tab.click('#stack [data-layer="1"]')
    assert tab.see(CHECKED) == ['GRU#2', 'h', 'unit']
    assert tab.problems == []


def test_colours_follow_the_system_and_the_switch(tab: browser.Browser, file: Path) -> None:
    tab.open(file, 1280, 1000)
    light = tab.see(PAPER)
    tab.press('t')
    dark = tab.see(PAPER)
    assert np.mean(_rgb(light)) > 200 > 60 > np.mean(_rgb(dark))
    tab.open(file, 1280, 1000, dark=True)
    assert tab.see(PAPER) == dark
    tab.click('#theme')
    assert tab.see(PAPER) == light
    assert tab.problems == []


def _rgb(colour):
    return [int(part) for part in colour.removeprefix('rgb(').removesuffix(')').split(',')]


def test_a_narrow_screen_and_no_scripts(tab: browser.Browser, file: Path) -> None:
    tab.open(file, 360, 700)
    root = 'document.documentElement'
    assert tab.see(f'{root}.scrollWidth') == tab.see(f'{root}.clientWidth') <= 360
    assert len(tab.picture()) > 10_000
    tab.reopen_without_scripts(file)
    found = tab.tell('DOM.getDocument', depth=-1)
    assert 'responds to' in str(found)
    assert tab.problems == []
