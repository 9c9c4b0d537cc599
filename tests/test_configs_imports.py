"""Configs that import a user's own module: what is bound for it, and its runs opened again."""

from pathlib import Path

import gin
import pytest
from test_cli import TEXT, refused, retrax

import retrax as package
from retrax import configs
from retrax.configs import ConfigError
from retrax.training import RunDirectory

MODULE = """
import gin
from retrax import layers as tl

@gin.configurable
def Middle(width=8):
    return tl.Dense(width)

@gin.configurable
class Scale(tl.Layer):
    def __init__(self, factor=1.0):
        super().__init__(name='Scale')
        self._factor = factor
    def forward(self, x):
        return self._factor * x

@gin.configurable
def Never(width=8):
    return tl.Dense(width)

@gin.configurable
def Mine(d_feature=8, use_bias=True):
    return tl.Serial(
        tl.ShiftRight(), tl.Embedding(256, d_feature), Middle(), tl.GRU(8), Scale(factor=2.0),
        tl.Dense(256), tl.LogSoftmax())
"""
CONFIG = """
import mine_and_nobody_elses
train.model = @Mine()
train.corpus = 'corpus.txt'
train.batch_size = 4
train.window = 8
train.steps = 4
train.eval_every = 2
Mine.d_feature = 6
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch) -> Path:
    """The working directory, with a module, a corpus and a config."""
    (tmp_path / 'mine_and_nobody_elses.py').write_text(MODULE)
    (tmp_path / 'corpus.txt').write_text(TEXT)
    (tmp_path / 'mine.gin').write_text(CONFIG)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    'binding',
    ['Mine.use_bias = False', 'Middle.width = 8', 'deep/Middle.width = 8', 'Mine.d_feature = 8'],
)
def test_what_something_used(folder: Path, binding: str) -> None:
    lines = ['train.model = @deep/Mine()', binding]
    config = configs.load('mine.gin', lines, allow_imports=True)
    assert config.values[binding.partition(' ')[0]] == binding.rpartition(' ')[2]
    assert binding in config.text
    assert config.experiment().model.sublayers


@pytest.mark.parametrize(
    'binding', ['Never.width = 8', 'Scale.factor = 3.0', 'other/Middle.width = 8']
)
def test_what_nothing_used(folder: Path, binding: str) -> None:
    parameter = binding.partition(' ')[0].partition('.')[2]
    with pytest.raises(ConfigError) as info:
        configs.load('mine.gin', [binding], allow_imports=True)
    name = binding.partition('.')[0].rpartition('/')[2]
    assert str(info.value) == (
        'Nothing used these bindings of the config:\n'
        f"  --gin '{binding}': {binding.partition(' ')[0]}\n"
        f'    While the model was made, nothing called {name} where this would reach it, or what '
        f'called it says {parameter} itself.\n'
        'Take them out, or bind what is used.'
    )


def test_a_macro_for_a_function_of_the_user(folder: Path) -> None:
    (folder / 'mine.gin').write_text(CONFIG + 'WIDTH = 5\nMiddle.width = %WIDTH\n')
    config = configs.load('mine.gin', allow_imports=True)
    assert config.values['Middle.width'] == '5'


def test_a_layer_of_the_users_code_tells_the_line_of_the_code(folder: Path) -> None:
    model = configs.load('mine.gin', allow_imports=True).experiment().model
    line = 1 + MODULE.splitlines().index('    return tl.Dense(width)')
    assert str(model.sublayers[2]._tl_site).endswith(f'/mine_and_nobody_elses.py:{line}')


def test_a_module_that_is_not_there(folder: Path) -> None:
    (folder / 'mine.gin').write_text(CONFIG.replace('elses', 'others'))
    with pytest.raises(ConfigError) as info:
        configs.load('mine.gin', allow_imports=True)
    assert str(info.value) == (
        'mine.gin:2: import mine_and_nobody_others\n'
        "  This import failed: No module named 'mine_and_nobody_others'. "
        'Is the folder of it in PYTHONPATH?'
    )


@pytest.fixture
def run(folder: Path) -> Path:
    made = retrax('train', 'mine.gin', '--out', 'run', '--allow-imports')
    assert made.exit_code == 0, made.output
    return folder / 'run'


def test_a_run_is_opened_again(run: Path) -> None:
    result = RunDirectory(run).result()
    for command in (['generate', run, '--length', '3'], ['eval', run], ['summary', run]):
        opened = retrax(*command, '--allow-imports')
        assert opened.exit_code == 0, opened.output
        told = refused(*command)
        assert f'{run}/config.gin:1: import mine_and_nobody_elses\n' in told
        assert '--allow-imports, or allow_imports=True in Python' in told
    train = ['train', 'mine.gin', '--out', 'run']
    assert 'run is finished' in retrax(*train, '--allow-imports').output
    assert 'mine.gin:2: import mine_and_nobody_elses\n' in refused(*train)
    (run / 'result.json').unlink()
    assert 'Going on from step 4.' in retrax(*train, '--allow-imports').output
    assert RunDirectory(run).result() == result


def test_a_run_is_loaded_in_python(run: Path) -> None:
    for load in (package.load, package.load_run):
        model, vocabulary = load(run, allow_imports=True)[:2]
        assert model.sublayers[4].name == 'Scale'
        assert vocabulary.size == 256
        with pytest.raises(ConfigError, match=r'allow_imports=True in Python'):
            load(run)


def test_a_config_is_trusted_once_it_was_read(folder: Path) -> None:
    config = configs.load('mine.gin', allow_imports=True)
    assert config.text.startswith('import mine_and_nobody_elses\n')
    assert config.experiment().steps == 4
    with pytest.raises(ConfigError, match=r'cannot import modules'):
        configs.load('mine.gin')


def test_a_name_that_two_things_have() -> None:
    gin.external_configurable(lambda eta=1: eta, 'noisy_sgd', module='mine')
    for line in ('noisy_sgd.eta = 0.1', 'train.optimizer = @noisy_sgd()'):
        with pytest.raises(ConfigError) as refusal:
            configs.Config.parse('two', 'two.gin', f'train.model = @GRULM()\n{line}\n')
        said = str(refusal.value)
        assert said.startswith('two.gin')
        assert "'noisy_sgd', matches ['mine.noisy_sgd', 'retrax.noisy_sgd']" in said
        assert "a name of its own: @gin.configurable('Mynoisy_sgd')" in said
