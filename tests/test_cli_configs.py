"""`retrax diff`, `retrax summary --compile` and --allow-imports."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from retrax.cli import main

SMALL = """
include 'gru_pydocs.gin'
train.batch_size = 4
train.window = 8
train.steps = 2
GRULM.d_model = 8
"""


def retrax(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def small(tmp_path: Path) -> Path:
    (tmp_path / 'corpus.txt').write_text('the cat sat on the mat. ' * 50)
    file = tmp_path / 'small.gin'
    file.write_text(SMALL + f"train.corpus = '{tmp_path / 'corpus.txt'}'\n")
    return file


def test_diff_of_two_names() -> None:
    result = retrax('diff', 'gru_pydocs', 'gru_pydocs_wide')
    assert result.exit_code == 0, result.output
    rows = [line.split() for line in result.output.splitlines() if line.strip()]
    assert rows[1] == ['parameter', 'gru_pydocs', 'gru_pydocs_wide']
    assert rows[3:] == [['GRULM.d_model', '256', '512']]


def test_diff_shows_defaults() -> None:
    result = retrax('diff', 'gru_pydocs', 'gru_pydocs_bf16')
    assert "'float32' (default)" in result.output
    assert "'bf16'" in result.output


def test_diff_of_the_same() -> None:
    result = retrax('diff', 'gru_pydocs', 'gru_pydocs')
    assert result.exit_code == 0
    assert 'are the same experiment' in result.output


def test_diff_of_paths_and_runs(small: Path, tmp_path: Path) -> None:
    assert retrax('train', small, '--out', tmp_path / 'run').exit_code == 0
    result = retrax('diff', tmp_path / 'run', small)
    assert result.exit_code == 0, result.output
    assert 'are the same experiment' in result.output
    result = retrax('diff', tmp_path / 'run', 'gru_pydocs')
    assert 'train.batch_size' in result.output
    assert 'train.seed' not in result.output


def test_a_run_does_not_need_the_files_that_its_config_included(
    small: Path, tmp_path: Path
) -> None:
    (tmp_path / 'more.gin').write_text("include 'small.gin'\ntrain.optimizer = @SGD()\n")
    assert retrax('train', tmp_path / 'more.gin', '--out', tmp_path / 'run').exit_code == 0
    small.unlink()
    result = retrax('generate', tmp_path / 'run', '--length', '3')
    assert result.exit_code == 0, result.output


def test_diff_of_nothing() -> None:
    result = retrax('diff', 'gru_pydocs', 'gru_pydoc')
    assert result.exit_code == 1
    assert "Did you mean 'gru_pydocs'?" in result.stderr


def test_summary_compile(small: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    result = retrax('summary', small, '--compile')
    assert result.exit_code == 0, result.output
    assert 'One training step of 4 x 8' in result.output
    for words in ('compiling', 'a step', 'memory: arguments', 'memory: temporary'):
        assert words in result.output
    assert sorted(tmp_path.iterdir()) == before


def test_memory_that_the_device_does_not_tell() -> None:
    from retrax.training.compiling import _memory

    class Mute:
        def memory_analysis(self):
            raise NotImplementedError

    assert _memory(Mute()) == {}


def test_allow_imports(small: Path, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / 'my_model_module.py').write_text('import gin\n')
    monkeypatch.syspath_prepend(str(tmp_path))
    small.write_text('import my_model_module\n' + small.read_text())
    refused = retrax('summary', small)
    assert refused.exit_code == 1
    assert 'small.gin:1: import my_model_module' in refused.stderr
    assert '--allow-imports' in refused.stderr
    assert retrax('summary', small, '--allow-imports').exit_code == 0
    assert retrax('summary', small).exit_code == 1  # it was allowed for one command only
    shutil.copy(small, tmp_path / 'again.gin')
    small.write_text(small.read_text().replace('import my_model_module', 'import retrax.models'))
    assert retrax('summary', small).exit_code == 0


def test_verify_of_a_config_shows_each_law(small: Path) -> None:
    result = retrax('verify', small)
    assert result.exit_code == 0, result.output
    assert '3. predict steps are the eval pass' in result.output
    assert 'broken' not in result.output
