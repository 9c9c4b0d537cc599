"""retrax sweep: which runs, one table, and going on."""

import shutil
from pathlib import Path

import pytest
from test_cli import CONFIG, TEXT, refused, retrax

from retrax import configs
from retrax.training import RunDirectory


@pytest.fixture(scope='module')
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config, a corpus, and a sweep of which one run diverges."""
    folder = tmp_path_factory.mktemp('home')
    (folder / 'corpus.txt').write_text(TEXT)
    (folder / 'mine.gin').write_text(CONFIG.format(corpus=folder / 'corpus.txt') + ADAM)
    result = swept(folder)
    assert result.exit_code == 1, result.output
    (folder / 'output.txt').write_text(result.output)
    return folder


ADAM = 'train.optimizer = @Adam()\nAdam.learning_rate = 0.01\n'
GRID = '--grid', 'Adam.learning_rate=[0.01, 0.0, 1e38]'
NAMES = [f'mine,Adam.learning_rate={rate}' for rate in ('0.01', '0.0', '1e+38')]


def swept(folder: Path):
    return retrax('sweep', folder / 'mine.gin', *GRID, '--out', folder / 'sweep')


def test_the_table_has_the_best_first_and_the_diverged_last(home: Path) -> None:
    output = (home / 'output.txt').read_text()
    table = output[output.rindex('held out') :].splitlines()
    rows = [line for line in table if 'mine,' in line and 'diverged.' not in line]
    assert [Path(row.split()[0]).name for row in rows] == NAMES
    runs = [RunDirectory(home / 'sweep' / name) for name in NAMES]
    figures = [run.result().bits_per_character for run in runs[:2]]
    assert figures[0] < figures[1]
    for row, figure in zip(rows, figures, strict=False):
        assert row.rstrip().endswith(f'{figure:.3f} bpc')
    assert rows[2].rstrip().endswith('diverged')
    n_weights = sum(w.size for w in configs.load_run(runs[0].path).model.named_weights().values())
    assert all(f'{n_weights:,}' in row for row in rows)
    assert f'{NAMES[2]} diverged. step' in output


def test_what_has_finished_is_left_alone(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home, tmp_path / 'home')
    (tmp_path / 'home/mine.gin').write_text((home / 'mine.gin').read_text())
    corpus = home / 'corpus.txt'
    before = corpus.read_bytes()
    corpus.unlink()  # a finished run does not ask for it
    try:
        for name in NAMES[2:]:
            shutil.rmtree(tmp_path / 'home/sweep' / name)
        arguments = '--grid', 'Adam.learning_rate=[0.01, 0.0]', '--out', tmp_path / 'home/sweep'
        result = retrax('sweep', tmp_path / 'home/mine.gin', *arguments)
        assert result.exit_code == 0, result.output
        assert 'step ' not in result.output
    finally:
        corpus.write_bytes(before)


def test_an_error_of_one_run_does_not_end_the_others(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / 'sweep' / NAMES[0], tmp_path / 'sweep' / NAMES[0])
    (tmp_path / 'sweep' / 'mine,train.seed=3').mkdir()
    (tmp_path / 'sweep' / 'mine,train.seed=3' / 'mine.txt').write_text('mine')
    lines = "train.corpus='nowhere.txt'", 'train.seed=3', 'Adam.learning_rate=0.01'
    (tmp_path / 'list.txt').write_text('\n'.join(lines))
    arguments = '--list', tmp_path / 'list.txt', '--out', tmp_path / 'sweep'
    result = retrax('sweep', home / 'mine.gin', *arguments)
    assert result.exit_code == 1
    assert 'Traceback' not in result.output
    table = result.output[result.output.rindex('held out') :]
    rows = [line.split() for line in table.splitlines() if '/mine,' in line]
    found = [(Path(row[0]).name, row[-1]) for row in rows[:3]]
    assert found[0] == (NAMES[0], 'bpc')
    failed = 'mine,train.corpus=nowhere.txt', 'mine,train.seed=3'
    assert found[1:] == [(name, 'failed') for name in failed]
    assert f"{failed[0]} failed. The corpus file 'nowhere.txt' does not exist" in table
    assert f'{failed[1]} failed. {tmp_path / "sweep" / failed[1]}: expected a run' in table
    told = retrax('sweep', home / 'mine.gin', *arguments, '--debug')
    assert told.exit_code == 1
    for error in ("FileNotFoundError: The corpus file 'nowhere.txt'", 'Error: ' + str(tmp_path)):
        assert error in told.stderr[told.stderr.index('Traceback') :]


def test_a_list_and_a_grid_multiply() -> None:
    lines = ['GRULM.d_model=8; train.seed=1  # a comment', '', '# nothing', 'train.seed = 2']
    made = configs.points(['a', 'b.gin'], lines, ['x/GRU.n_units=[1, 2]', 'train.model=[@LSTM()]'])
    assert [point.name for point in made][:3] == [
        'a,GRULM.d_model=8,train.seed=1,x.GRU.n_units=1,train.model=LSTM',
        'a,GRULM.d_model=8,train.seed=1,x.GRU.n_units=2,train.model=LSTM',
        'a,train.seed=2,x.GRU.n_units=1,train.model=LSTM',
    ]
    assert len(made) == 2 * 2 * 2
    assert made[0].bindings[-1] == 'train.model=@LSTM()'


@pytest.mark.parametrize(
    ('line', 'bindings'),
    [
        ("train.corpus='a;b #1.txt'; x=1 # it's; 'so", ("train.corpus='a;b #1.txt'", 'x=1')),
        (
            r"""x='it\'s; #'; y = "don't; #" ;; z=['#', ";"]#;""",
            (r"x='it\'s; #'", 'y = "don\'t; #"', """z=['#', ";"]"""),
        ),
        ("x='open; y=1", ("x='open", 'y=1')),
    ],
)
def test_quoted_text_in_a_list_is_not_cut(line: str, bindings: tuple[str, ...]) -> None:
    (point,) = configs.points(['a'], [line + '\n'])
    assert point.bindings == bindings


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (('--grid', 'train.seed=1'), r"--grid 'train.seed=1': expected one binding with a list"),
        (('--grid', 'train.seed'), "--grid 'train.seed'"),
        (('--grid', 'train.seed=[]'), 'A sweep of no runs'),
        (('--grid', 'train.seed=[1, 1]'), 'would be in one directory'),
        (('--grid', 'train.sed=[1, 1]'), 'would be in one directory'),
        (('--grid', 'train.sed=[1, 2]'), "Did you mean 'seed'?"),
    ],
)
def test_mistakes_are_told_before_a_run_is_made(home, tmp_path, arguments, message) -> None:
    assert message in refused('sweep', home / 'mine.gin', *arguments, '--out', tmp_path / 'sweep')
    assert not (tmp_path / 'sweep').exists()
