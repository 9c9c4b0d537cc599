"""examples/dates_lstm.py: what was learned is right on dates that were not learned from."""

import re

import example_pages
import numpy as np
import pytest

from retrax import data

pytestmark = pytest.mark.usefixtures('compiled_quickly')


@pytest.fixture(scope='module')
def page() -> example_pages.Page:
    return example_pages.run('dates_lstm')


def test_held_out_dates_are_right(page) -> None:
    assert page['right'] > 0.95
    assert not {*page['held_out']} & {*page['learned']}
    said = re.search(r'held out: ([\d.]+)% of (\d+) dates', page.printed)
    assert said is not None
    right = [a == b.target for a, b in zip(page['answers'], page['held_out'], strict=True)]
    assert said.groups() == (f'{100 * sum(right) / len(right):.1f}', str(len(right)))


def test_steps_write_what_full_passes_do(page) -> None:
    sources, target = padded(page['sources'][:8]), np.zeros((8, 11), np.int32)
    for i in range(target.shape[1]):
        target[:, i] = page['model']((sources, target))[0][:, i].argmax(-1)
    written = [data.text_of(page['vocabulary'], row) for row in target]
    assert written == page['answers'][:8]


def test_padding_is_not_seen(page) -> None:
    assert page['written'](padded(page['sources'][:8], 32)) == page['answers'][:8]
    assert page['written'](page['sources'][:1]) == page['answers'][:1]


def padded(rows, length: int | None = None) -> np.ndarray:
    return data.padded(rows, (len(rows), length or max(map(len, rows))))
