"""retrax plot and compare: curves and tables of finished runs."""

import math
import sys
from pathlib import Path

import pytest
from test_cli import CONFIG, TEXT, refused, retrax

from retrax import configs
from retrax.cli import plot
from retrax.training import RunDirectory

LABELS = """
train.model = @RNNClassifier()
train.task = 'classes'
train.corpus = '{corpus}'
train.batch_size = 4
train.window = 4
train.steps = 2
RNNClassifier.n_classes = 2
RNNClassifier.d_model = 4
"""


@pytest.fixture(scope='module')
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two configs, the corpora, and a finished run of each."""
    folder = tmp_path_factory.mktemp('home')
    (folder / 'corpus.txt').write_text(TEXT)
    (folder / 'rows.tsv').write_text(''.join(f'{"ab"[i % 2]}\txy\n' for i in range(40)))
    (folder / 'mine.gin').write_text(CONFIG.format(corpus=folder / 'corpus.txt'))
    (folder / 'labels.gin').write_text(LABELS.format(corpus=folder / 'rows.tsv'))
    for name in ('mine', 'labels'):
        result = retrax('train', folder / f'{name}.gin', '--out', folder / 'runs' / name)
        assert result.exit_code == 0, result.output
    return folder


def test_plot_draws_each_run_with_its_mark(home: Path) -> None:
    result = retrax('plot', home / 'runs/mine', home / 'runs/labels')
    assert result.exit_code == 0, result.output
    picture = result.output[: result.output.index('+---')]
    points = [line for line in RunDirectory(home / 'runs/mine').metrics() if 'loss' in line]
    assert picture.count('o') == len(points) == 4
    assert picture.count('x') == 1
    assert f'o {home}/runs/mine: loss {points[-1]["loss"]:.4g} at step 6' in (
        result.output.replace('\n', '')
    )


def test_a_picture_goes_down_where_the_loss_does() -> None:
    falling = [(0, 3.0), (1, 2.0), (2, 1.0)]
    picture = plot.lines([falling], 3, 3)
    assert [line.partition('|')[2] for line in picture[:3]] == ['o', ' o', '  o']
    flat = plot.lines([[(5, 1.0)]], 8, 2)
    assert sum(line.count('o') for line in flat) == 1


def test_metrics_and_pictures_that_are_not_there(home: Path, monkeypatch) -> None:
    message = refused('plot', home / 'runs/mine', '--metric', 'los')
    assert "no values of 'los' yet; it has gradient_norm, heldout_bits_per_byte, " in message
    assert 'expected a run' in refused('plot', home)
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    message = refused('plot', home / 'runs/mine', '--png', home / 'no.png')
    assert "--png needs matplotlib: pip install 'retrax[plots]'" in message


def test_a_picture_is_a_png(home: Path, tmp_path: Path) -> None:
    pytest.importorskip('matplotlib')
    result = retrax('plot', home / 'runs/mine', '--png', tmp_path / 'loss.png')
    assert result.exit_code == 0, result.output
    assert (tmp_path / 'loss.png').read_bytes().startswith(b'\x89PNG')


def test_compare_prints_what_each_is_and_has_learned(home: Path, monkeypatch) -> None:
    monkeypatch.chdir(home)
    result = retrax('compare', 'mine.gin', 'runs/labels', '--sample', 20)
    assert result.exit_code == 0, result.output
    rows = {line.split()[0]: line.split() for line in result.output.splitlines() if line.split()}
    bits = RunDirectory('runs/mine').result().bits_per_character
    accuracy = RunDirectory('runs/labels').result().accuracy
    n_weights = configs.load('mine.gin').experiment().n_weights
    assert rows['mine.gin'][1:3] == ['runs/mine', f'{n_weights:,}']
    perplexity = math.exp(bits * math.log(2))
    assert rows['mine.gin'][4:] == ['6', f'{bits:.3f}', 'bpc', f'{perplexity:.3f}']
    assert rows['runs/labels'][4:] == ['2', f'{100 * accuracy:.2f}%']
    assert result.output.count('mine.gin:') == 1
    assert 'runs/labels:' not in result.output


def test_a_config_that_changed_has_learned_nothing(home: Path, monkeypatch, tmp_path) -> None:
    monkeypatch.chdir(home)
    changed = (home / 'mine.gin').read_text().replace('STEPS = 6', 'STEPS = 7')
    (tmp_path / 'mine.gin').write_text(changed)
    result = retrax('compare', tmp_path / 'mine.gin')
    assert result.exit_code == 0, result.output
    assert 'bpc' not in result.output
