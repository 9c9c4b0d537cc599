"""Models composed in a config alone: scopes, sharing, and includes."""

import re
from pathlib import Path

import numpy as np
import pages
import pytest

from retrax import configs
from retrax import layers as tl
from retrax.configs import ConfigError, ConfigWarning, differences

HEAD = """
train.model = @Serial()
Embedding.vocab_size = 16
Embedding.d_feature = 8
out/Dense.n_units = 16
"""
TWO = """
Serial.layers = [@ShiftRight(), @Embedding(), {first}, {second}, @out/Dense(), @LogSoftmax()]
"""
SINGLETON = 'shared/gin.singleton.constructor = @Dense\nshared/Dense.n_units = 8\n'


def model_of(tmp_path: Path, text: str):
    file = tmp_path / 'mine.gin'
    file.write_text(HEAD + text)
    model = configs.load(str(file)).experiment().model
    model.init(tl.ShapeDtype((2, 3), np.int32))
    return model


def test_a_scope_gives_arguments_of_its_own(tmp_path: Path) -> None:
    layers = TWO.format(first='@GRU()', second='@deep/GRU()')
    model = model_of(tmp_path, layers + 'GRU.n_units = 8\ndeep/GRU.n_units = 6\n')
    assert [str(layer) for layer in model.sublayers[2:4]] == ['GRU_8', 'GRU_6']


def test_a_macro_of_a_call_makes_a_new_layer_at_each_use(tmp_path: Path) -> None:
    layers = 'LAYER = @Dense()\nDense.n_units = 8\n' + TWO.format(first='%LAYER', second='%LAYER')
    model = model_of(tmp_path, layers)
    first, second = model.sublayers[2:4]
    assert first is not second
    assert np.any(first.weights.w != second.weights.w)
    assert {'Dense#1.w', 'Dense#2.w', 'Dense#3.w'} <= set(model.named_weights())


def test_a_singleton_is_one_layer_at_each_use(tmp_path: Path) -> None:
    one = '@shared/gin.singleton()'
    model = model_of(tmp_path, SINGLETON + TWO.format(first=one, second=one))
    first, second = model.sublayers[2:4]
    np.testing.assert_array_equal(first.weights.w, second.weights.w)
    assert model.weights[3] is tl.SHARED
    assert {'Dense#1.w', 'Dense#3.w'} <= set(model.named_weights())
    assert 'Dense#2.w' not in model.named_weights()


def test_a_singleton_lives_as_long_as_one_experiment(tmp_path: Path) -> None:
    file = tmp_path / 'mine.gin'
    one = '@shared/gin.singleton()'
    file.write_text(HEAD + SINGLETON + TWO.format(first=one, second=one))
    config = configs.load(str(file))
    models = [config.experiment().model for _ in range(2)]
    assert models[0].sublayers[2]._tl_cell is not models[1].sublayers[2]._tl_cell


def test_residual_branch_and_parallel(tmp_path: Path) -> None:
    model = model_of(
        tmp_path,
        TWO.format(first='@Residual()', second='@inner/Serial()')
        + """
Residual.layers = [@Dense(), @Dense()]
Dense.n_units = 8
inner/Serial.layers = [@Branch(), @Parallel(), @Add()]
Branch.layers = [@Dense(), None]
Parallel.layers = [None, [@Dense(), @Dense()]]
""",
    )
    residual, serial = model.sublayers[2:4]
    assert residual.n_in == residual.n_out == 1
    assert 'Branch' in str(serial)
    assert 'Parallel' in str(serial)
    assert model(np.zeros((2, 3), np.int32)).shape == (2, 3, 16)


def test_resolved_text_composes_the_same(tmp_path: Path) -> None:
    file = tmp_path / 'mine.gin'
    one = '@shared/gin.singleton()'
    file.write_text(HEAD + SINGLETON + TWO.format(first=one, second=one))
    config = configs.load(str(file))
    again = configs.Config.parse('again', 'config.gin', config.text)
    assert again.text == config.text
    assert differences(config, again) == []


def test_the_operative_config_has_macros_of_many_lines(tmp_path: Path) -> None:
    body = f'BODY = [{", ".join(["@Dense()", "@Relu()"] * 6)}]\nDense.n_units = 8\n'
    file = tmp_path / 'mine.gin'
    file.write_text(f'{HEAD}{TWO.format(first="@Relu()", second="%BODY")}{body}')
    config = configs.load(str(file))
    assert 'BODY = \\\n' in config.text  # gin breaks what is long
    again = configs.Config.parse('again', 'again.gin', configs.operative(config))
    assert '%' not in again.text
    assert differences(config, again) == []


def test_includes_of_one_file_give_both_changes(tmp_path: Path) -> None:
    file = tmp_path / 'mine.gin'
    file.write_text("include 'gru_pydocs_wide.gin'\ninclude 'gru_pydocs_deep'\n")
    found = differences(configs.load('gru_pydocs'), configs.load(str(file)))
    assert {d.name: d.right for d in found} == {'GRULM.d_model': '512', 'GRULM.n_layers': '3'}


def test_an_include_beside_the_file_goes_first(tmp_path: Path) -> None:
    (tmp_path / 'gru_pydocs.gin').write_text('train.model = @GRULM()\ntrain.seed = 7\n')
    (tmp_path / 'mine.gin').write_text("include 'gru_pydocs.gin'\n")
    assert configs.load(str(tmp_path / 'mine.gin')).experiment().seed == 7


def test_what_an_override_displaced_is_left_out() -> None:
    config = configs.load('gru_pydocs_sgd')
    assert 'Adam' not in config.text
    with pytest.raises(ConfigError, match=r'Nothing used .*\n.*Adam.b2 = 0.9'):
        configs.load('gru_pydocs_sgd', ['Adam.b2 = 0.9'])


def test_an_argument_of_code_beats_a_binding(tmp_path: Path) -> None:
    (tmp_path / 'beaten_model.py').write_text(
        """
import gin
from retrax import layers as tl

@gin.configurable
def Two():
    return tl.Serial(tl.Embedding(256, 8), tl.Dense(8, use_bias=False), tl.Dense(256))
"""
    )
    file = tmp_path / 'mine.gin'
    text = 'import beaten_model\ntrain.model = @Two()\nDense.use_bias = True\n'
    file.write_text(text)
    with pytest.MonkeyPatch.context() as patch, configs.imports_allowed():
        patch.syspath_prepend(str(tmp_path))
        with pytest.warns(ConfigWarning, match=r'mine.gin:3: Dense.use_bias = True\n') as warned:
            config = configs.load(str(file))
        assert 'Two (' in str(warned[0].message)
        assert 'beaten_model.py:7) says use_bias itself' in str(warned[0].message)
        assert 'import beaten_model' in config.text
        assert len(config.experiment().model.sublayers) == 3


def test_the_page_on_configs(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parent.parent / 'docs/configs.md'
    found = re.findall(r'```gin\n(.*?)```', page.read_text(encoding='utf-8'), re.DOTALL)
    assert len(found) >= 5
    for i, text in enumerate(found):
        file = tmp_path / f'{i}.gin'
        file.write_text(text)
        assert configs.load(str(file)).experiment().model.sublayers
    for name in configs.names():
        if name not in ('gru_pydocs', 'gru_pydocs_long'):
            assert f'`{name}`' in page.read_text(encoding='utf-8')
    assert pages.run('docs/configs.md') == 1


def sites_of(layer: tl.Layer) -> dict[str, str]:
    """Where each layer was created, by name; where several have one name, the outermost."""
    found = {str(layer).partition('[')[0]: str(layer._tl_site)}
    for sub in layer.sublayers:
        found = {**sites_of(sub), **found}
    return found


def test_a_layer_tells_the_line_of_the_config_that_made_it(tmp_path: Path) -> None:
    (tmp_path / 'below.gin').write_text('Embedding.vocab_size = 16\nRESIDUAL = @Residual()\n')
    file = tmp_path / 'mine.gin'
    file.write_text(
        """
include 'below.gin'
train.model = @Serial()
Embedding.d_feature = 8
shared/gin.singleton.constructor = @Dense
shared/Dense.n_units = 8
Residual.layers = [@shared/gin.singleton()]
out/Dense.n_units = 16
Serial.layers = [@Embedding(), %RESIDUAL]
"""
    )
    line = 'Serial.layers = [@Embedding(), %RESIDUAL, @out/Dense()]'
    config = configs.load(str(file), [line])
    sites = sites_of(config.experiment().model)
    expected = {
        'Serial': f'{file}:3',
        'Embedding_16_8': f"--gin '{line}'",
        'Add_in2': f'{tmp_path}/below.gin:2',  # of the Residual
        'Dense_8': f'{file}:7',
        'Dense_16': f"--gin '{line}'",
    }
    assert {name: sites[name] for name in expected} == expected


def test_layers_of_a_model_of_retrax_are_created_at_the_line_that_names_it(tmp_path: Path) -> None:
    file = tmp_path / 'mine.gin'
    file.write_text('train.steps = 3\ntrain.model = @GRULM()\n')
    sites = sites_of(configs.load(str(file)).experiment().model)
    assert len(sites) == 6
    assert set(sites.values()) == {f'{file}:2'}
    assert str(tl.Dense(3)._tl_site).startswith(__file__)  # nothing of it stays behind


def test_a_function_that_makes_layers_is_named(tmp_path: Path) -> None:
    file = tmp_path / 'mine.gin'
    file.write_text(
        """
include 'gru_pydocs.gin'
train.model = @RNNLM()
RNNLM.vocab_size = 256
RNNLM.d_model = 8
RNNLM.rnn_cell = @GRUCell
RNNLM.rnn_cell_d_state_multiplier = 1
GRUCell.forget_bias = 3.0
GRUCell.bias_initializer = @ZerosInitializer()
"""
    )
    experiment = configs.load(str(file)).experiment()
    experiment.model.init(experiment.signature)
    weights = experiment.model.named_weights()
    biases = [array for path, array in weights.items() if path.endswith('.b1')]
    assert len(biases) == 2
    for array in biases:
        np.testing.assert_array_equal(array, np.full(16, 3.0))
