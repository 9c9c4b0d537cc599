"""docs/layers.md is what the layers say now."""

import layers_page
import pytest
import registry
from layers_page import PAGE, laws_of, page

from retrax.inspection import laws

pytestmark = pytest.mark.usefixtures('compiled_quickly')


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding='utf-8') == page(), 'run: python tests/layers_page.py'


def test_every_word_has_a_row() -> None:
    text = PAGE.read_text(encoding='utf-8')
    assert all(text.count(f'\n| `{name}` |') == 1 for name in registry.public_names())
    assert text.count('\n| `') == len(registry.public_names())


@pytest.mark.parametrize('name', ['Dense', 'GRU', 'Mean', 'Bidirectional', 'CrossEntropyLoss'])
def test_the_laws_of_a_row_are_those_that_apply(name: str) -> None:
    """As the laws themselves find."""
    (case,) = (case for case in registry.CASES if case.name == name)
    found = {
        law.number
        for law in laws.LAWS
        if law.name != 'memory is declared'  # which is examined where nothing steps, too
        and laws.examine(law, registry.subject(case)).verdict == 'kept'
    }
    assert laws_of(case, case.make().output_signature(case.signature())) == found


def test_what_a_row_says() -> None:
    (case,) = (case for case in registry.CASES if case.name == 'BatchNorm')
    cells = layers_page.row('BatchNorm', case)
    assert cells[:2] == ('`BatchNorm`', '1, 1')
    assert cells[5].startswith('keeps statistics, looks ahead in train, couples rows in train')
    assert cells[7].startswith('Ioffe and Szegedy 2015, arXiv 1502.03167')
