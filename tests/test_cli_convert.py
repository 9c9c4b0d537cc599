"""`retrax convert`: what it writes, what it says, and that the weights work in a model."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from safetensors import safe_open
from safetensors.numpy import load_file

from retrax import configs
from retrax import layers as tl
from retrax.cli import main
from retrax.interop.trax_checkpoints import read

LOOP = Path(__file__).parent / 'golden' / 'loop_checkpoint' / 'model.pkl.gz'


def convert(*arguments: object) -> Result:
    return CliRunner().invoke(main, ['convert', *map(str, arguments)])


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """The model that the checkpoint is of."""
    file = tmp_path / 'gru.gin'
    file.write_text("include 'gru_pydocs.gin'\nGRULM.vocab_size = 16\nGRULM.d_model = 8\n")
    return file


def test_by_path_and_into_a_model(tmp_path: Path, config: Path) -> None:
    target = tmp_path / 'out.safetensors'
    ran = convert(LOOP, target, '--config', config)
    assert ran.exit_code == 0, ran.output
    assert '11 arrays, 1,088 weights, step 10, named by the paths of' in ran.output
    assert 'GRU#2.w1' in ran.output

    by_file = configs.load(str(config)).experiment().model
    by_file.init(tl.ShapeDtype((1, 1), np.int32))
    by_file.set_named_weights(load_file(target))
    by_trax = configs.load(str(config)).experiment().model
    by_trax.init_from_file(LOOP, weights_only=True)
    x = np.arange(12, dtype=np.int32).reshape(2, 6)
    np.testing.assert_array_equal(by_file(x), by_trax(x), strict=True)


def test_by_number(tmp_path: Path) -> None:
    target = tmp_path / 'out.safetensors'
    ran = convert(LOOP, target)
    assert ran.exit_code == 0, ran.output
    assert 'named in the order of the file' in ran.output
    assert '--config CONFIG' in ran.output
    arrays = load_file(target)
    assert sorted(arrays) == [f'{n:02}' for n in range(11)]
    for number, weight in enumerate(read(LOOP).weights):
        np.testing.assert_array_equal(arrays[f'{number:02}'], weight, strict=True)
    with safe_open(target, 'numpy') as file:
        assert file.metadata() == {
            'from': 'model.pkl.gz',
            'step': '10',
            'trax_version': 'Mar-10-2021',
        }


def test_mistakes_are_told_and_write_nothing(tmp_path: Path) -> None:
    target = tmp_path / 'out.safetensors'
    for arguments, message in [
        ((LOOP, target, '--config', 'gru_pydocs'), 'entry 0, Embedding#1: expected float32[256'),
        ((LOOP, target, '--config', 'gru_pydoc'), 'gru_pydoc'),
        ((tmp_path / 'missing', target), 'No such file'),
        ((tmp_path, target), 'expected a regular file, got a directory'),
    ]:
        ran = convert(*arguments)
        assert ran.exit_code == 1
        assert message in ran.output
        assert 'Traceback' not in ran.output
        assert not target.exists()


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    target = tmp_path / 'out.safetensors'
    target.write_text('mine')
    ran = convert(LOOP, target)
    assert ran.exit_code == 1
    assert 'there is a file already' in ran.output
    assert target.read_text() == 'mine'
