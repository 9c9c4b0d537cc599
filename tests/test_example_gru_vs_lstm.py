"""examples/gru_vs_lstm.py: recurrent layers on the same text and budget, by number."""

import example_pages
import pytest

pytestmark = pytest.mark.usefixtures('compiled_quickly')


@pytest.fixture(scope='module')
def page() -> example_pages.Page:
    return example_pages.run('gru_vs_lstm', steps=60)


def test_F1_parameters_time_perplexity_and_a_sample_of_each(page) -> None:
    table = page['table']
    assert list(table) == ['RNN', 'GRU', 'LSTM', 'SRU']
    for name, row in table.items():
        assert f'\n{name} ' in page.printed
        assert row['tokens/s'] > 0
        assert 5 < row['perplexity'] < 30  # 256 before training; about 3 after a long one
        assert len(row['sample']) == 40
    gated = [table[name]['weights'] for name in ('RNN', 'GRU', 'LSTM')]
    assert max(gated) / min(gated) < 1.1
