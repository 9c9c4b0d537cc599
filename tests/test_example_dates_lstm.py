"""examples/dates_lstm.py: what was learned is right on dates that were not learned from."""

import re

import example_pages
import pytest

pytestmark = [
    pytest.mark.xdist_group('example dates_lstm'),
    pytest.mark.usefixtures('compiled_quickly'),
]


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
    some = page['sources'][:8]
    assert page['written'](some) == page['answers'][:8]
    assert page['written'](some, eval_mode=True) == page['answers'][:8]


def test_padding_is_not_seen(page) -> None:
    some = page['sources'][:8]
    longest = max(len(pair.source) for pair in page['held_out'][:8])
    assert page['written'](some[:, :longest]) == page['answers'][:8]
