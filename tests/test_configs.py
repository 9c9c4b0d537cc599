"""Configs: bindings reach what they name, leave nothing behind, and mistakes are named."""

import concurrent.futures
import sys
from pathlib import Path

import gin
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import retrax
from retrax import configs, models
from retrax import layers as tl
from retrax.configs import ConfigError, building, registry

CONFIG = """
STEPS = 30
train.model = @GRULM()
train.steps = %STEPS
train.optimizer = @Adam()
GRULM.d_model = 8
GRULM.n_layers = 2
Adam.learning_rate = @CosineDecay()
CosineDecay.learning_rate = 0.01
CosineDecay.steps = %STEPS
"""


def write(tmp_path: Path, text: str = CONFIG) -> str:
    file = tmp_path / 'mine.gin'
    file.write_text(text)
    return str(file)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write(tmp_path)


def weights_of(file: str, *bindings: str) -> dict:
    model = configs.load(file, bindings).experiment().model
    model.init(tl.ShapeDtype((1, 2), np.int32))
    return model.named_weights()


@pytest.mark.parametrize('name', configs.names())
def test_every_config_makes_an_experiment(name: str) -> None:
    experiment = configs.load(name).experiment()
    targets = experiment.what.targets(experiment.sizes)
    assert experiment.output_signature().shape[:-1] == targets


def test_a_config(file: str) -> None:
    config = configs.load(file)
    experiment = config.experiment()
    assert config.name == 'mine'
    assert experiment.steps == 30
    assert [str(layer) for layer in experiment.model.sublayers][2:4] == ['GRU_8', 'GRU_8']


def test_later_bindings_win_and_the_text_says_what_was_resolved(file: str) -> None:
    config = configs.load(file, ['GRULM.n_layers = 3', 'STEPS=7'])
    experiment = config.experiment()
    assert len(experiment.model.sublayers) == 7
    assert experiment.steps == 7
    assert 'GRULM.n_layers = 3' in config.text
    again = configs.Config.parse('again', 'config.gin', config.text)
    assert again.text == config.text
    assert len(again.experiment().model.sublayers) == 7


def test_bindings_reach_layers_made_in_python(file: str) -> None:
    zeros = 'GRU.kernel_initializer = @ZerosInitializer()'
    weights = weights_of(file, zeros)
    for path, array in weights.items():
        is_gru_kernel = path in ('GRU#1.w1', 'GRU#1.w2', 'GRU#2.w1', 'GRU#2.w2')
        assert np.any(np.asarray(array)) != is_gru_kernel, path


def test_scopes(file: str) -> None:
    bindings = ['train.model = @deep/GRULM()', 'GRU.forget_bias = 1.0']
    weights = weights_of(file, *bindings, 'deep/GRU.bias_initializer = @ZerosInitializer()')
    np.testing.assert_array_equal(weights['GRU#1.b1'], np.ones(16))
    np.testing.assert_array_equal(weights['GRU#2.b2'], np.zeros(8))


def test_what_code_says_wins(file: str) -> None:
    with pytest.raises(ConfigError, match=r'Nothing used .*\n.*GRU.n_units'):
        configs.load(file, ['GRU.n_units = 5']).experiment()


def test_nothing_stays_behind(file: str) -> None:
    zeros = 'GRU.kernel_initializer = @ZerosInitializer()'
    configs.load(file, [zeros]).experiment()
    assert gin.config_str().strip() == ''
    gin.parse_config('Dense.n_units = 7')  # somebody else's use of gin
    try:
        with pytest.raises(TypeError):
            tl.Dense()
        gin.finalize()
        configs.load(file, [zeros]).experiment()
        assert gin.query_parameter('Dense.n_units') == 7
        assert gin.config_is_locked()
    finally:
        gin.clear_config()
    model = models.GRULM(256, 8, 1)
    model.init(tl.ShapeDtype((1, 2), np.int32))
    assert np.any(np.asarray(model.named_weights()['GRU#1.w1']))


def test_threads_load_configs_of_their_own(file: str) -> None:
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)  # so that threads meet inside of gin
    try:
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            found = pool.map(lambda seed: configs.load(file, [f'train.seed = {seed}']), range(24))
            seeds = [config.experiment().seed for config in found]
    finally:
        sys.setswitchinterval(interval)
    assert seeds == list(range(24))


def test_gin_is_clean_after_a_mistake(file: str) -> None:
    with pytest.raises(ConfigError):
        configs.load(file, ['GRULM.n_layer = 3'])
    assert gin.config_str().strip() == ''
    assert building._active.get() is None


def test_every_layer_model_and_initializer_is_registered() -> None:
    names = {
        *('Dense', 'Dropout', 'Embedding', 'GRU', 'GRUCell', 'ShiftRight', 'LogSoftmax', 'Serial'),
        *('GRULM', 'Adam', 'AdamW', 'SGD', 'CosineDecay', 'train', 'CrossEntropyLoss'),
        *('GlorotUniformInitializer', 'OrthogonalInitializer', 'ScaledInitializer'),
    }
    assert names <= set(registry.known)
    assert not {'Layer', 'ShapeDtype', 'Context', 'LayerError'} & set(registry.known)


def test_a_loss_with_label_smoothing(tmp_path: Path) -> None:
    other = write(
        tmp_path,
        """
        train.model = @GRULM()
        GRULM.d_model = 4
        GRULM.n_layers = 1
        train.loss = @WeightedCategoryCrossEntropy()
        WeightedCategoryCrossEntropy.label_smoothing = 0.25
        """,
    )
    experiment, ids = configs.load(other).experiment(), np.arange(8).reshape(2, 4)
    trainer = experiment.trainer([ids])
    trainer.sync()
    log_probs = np.asarray(experiment.model(ids), np.float64)
    (progress,) = trainer.run(1, 1)
    picked = np.take_along_axis(log_probs, ids[..., None], axis=-1)
    expected = -0.75 * picked.mean() - 0.25 * log_probs.mean()
    assert progress.loss == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match=r'train.loss: expected a layer or None, got str'):
        retrax.training.Experiment(experiment.model, loss='smooth')


def test_optimizers_of_trax_and_of_optax_are_configurables(tmp_path: Path) -> None:
    """The update that a config describes is the one that Python makes."""
    other = write(
        tmp_path,
        """
        train.model = @GRULM()
        train.optimizer = @Accumulated()
        Accumulated.batches = 2
        Accumulated.optimizer = @Clipped()
        Clipped.norm = 0.5
        Clipped.optimizer = @lion()
        lion.learning_rate = @warmup()
        warmup.n_warmup_steps = 3
        warmup.max_value = 0.1
        """,
    )
    made = configs.load(other).experiment().optimizer
    inner = optax.chain(
        optax.clip_by_global_norm(0.5), optax.lion(retrax.optimizers.warmup(3, 0.1))
    )
    weights, found, expected = jnp.ones(3), [], []
    state, inner_state = made.init(weights), inner.init(weights)
    for gradient in ([3.0, 0, 0], [1.0, 0, -8.0], [0, 1.0, 1.0], [0, 1.0, 0]):
        update, state = made.update(jnp.array(gradient), state, weights)
        found.append(update)
    for mean in ([2.0, 0, -4.0], [0, 1.0, 0.5]):
        update, inner_state = inner.update(jnp.array(mean), inner_state, weights)
        expected += [np.zeros(3), update]
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.any(found[3] != 0)
    known = set(registry.known)
    assert {
        'TraxAdam',
        'RMSProp',
        'SM3',
        'multifactor',
        'adafactor',
        'yogi',
        'sgdr_schedule',
    } <= known


def test_mode_of_a_fan_is_no_mode(file: str) -> None:
    bindings = [
        'GRU.kernel_initializer = @ScaledInitializer()',
        "ScaledInitializer.mode = 'fan_in'",
    ]
    assert weights_of(file, *bindings)


@pytest.mark.parametrize(
    ('binding', 'message'),
    [
        ('GRULM.n_layer = 3', r"--gin 'GRULM.n_layer = 3'\n.*named 'n_layer'.\n.*'n_layers'\?"),
        ('GRULN.n_layers = 3', r"No configurable matching 'GRULN'.\n.*Did you mean 'GRULM'\?"),
        ('GRU.mode = "eval"', r'owns its mode'),
        ('GRULM.mode = "predict"', r'owns its mode'),
        ('train.model = @GRULN()', r"No configurable matching reference '@GRULN\(\)'"),
        ('train.model = @GRULM', r'@GRULM is only named here, not made. Write a call: @GRULM\(\)'),
        ('train.optimizer = @SGD', r'@SGD is only named here'),
        ('train.steps = %STEP', r'%STEP is used and has no value'),
        ('OTHER = 3', r"Nothing used .*\n.*'OTHER = 3': OTHER"),
        ('Dropout.rate = 0.5', r'Nothing used .*\n.*Dropout.rate'),
        ('other/GRU.forget_bias = 1.0', r'Nothing used .*\n.*other/GRU.forget_bias'),
        ('GRULM.n_layers', r"'GRULM.n_layers'\n  This is no binding"),
        ('train.steps = (', r"'train.steps = \(': a bracket or a quote is not closed"),
        ('import os', r'cannot import modules'),
        ("include 'none.gin'", r'no such file beside this config'),
        ("train.steps = '30'", r"expected an int, got '30', a string; without the quotes: 30"),
        ('GRULM.d_model = 0', r'd_feature must be a positive int, got 0'),
    ],
)
def test_mistakes(file: str, binding: str, message: str, caplog) -> None:
    with pytest.raises(ConfigError, match=message):
        configs.load(file, [binding]).experiment()


def test_mistakes_in_a_file_name_the_line(tmp_path: Path) -> None:
    file = write(tmp_path, CONFIG + '\nGRULM.n_layer = 3\n')
    with pytest.raises(ConfigError, match=r'mine.gin:12: GRULM.n_layer = 3\n'):
        configs.load(file)
    file = write(tmp_path, CONFIG + '\n\nDropout:\n  rate = 0.5\n')
    with pytest.raises(ConfigError, match=r'mine.gin:14: Dropout.rate\n'):
        configs.load(file).experiment()
    file = write(tmp_path, CONFIG + '\nGRULM.n_layers = = 3\n')
    with pytest.raises(ConfigError, match=r'mine.gin:12: GRULM.n_layers = = 3\n'):
        configs.load(file)


def test_a_config_without_a_model(tmp_path: Path) -> None:
    file = write(tmp_path, 'train.steps = 3\n')
    with pytest.raises(
        ConfigError, match=r'mine.gin\n  train.model has no value. Add a line: train.model = ...'
    ):
        configs.load(file).experiment()


def test_a_config_as_an_editor_of_windows_writes_it(tmp_path: Path, file: str) -> None:
    text = Path(file).read_text()
    made = tmp_path / 'windows.gin'
    made.write_bytes(('\ufeff' + text.replace('\n', '\r\n')).encode())
    assert configs.load(made).text == configs.load(file).text


def test_no_such_config(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"'gru_pydoc'. Did you mean 'gru_pydocs'\?"):
        configs.load('gru_pydoc')
    with pytest.raises(ConfigError, match=r'no config .*none.gin.* come with retrax: .*gru_pydocs'):
        configs.load(str(tmp_path / 'none.gin'))
    (tmp_path / 'latin.gin').write_bytes('# é'.encode('latin1'))
    with pytest.raises(ConfigError, match=r'latin.gin: this config cannot be read: .*utf-8'):
        configs.load(str(tmp_path / 'latin.gin'))


def test_load_run(tmp_path: Path, file: str) -> None:
    corpus = tmp_path / 'corpus.txt'
    corpus.write_text('the cat sat on the mat. ' * 50)
    config = configs.load(file, [f"train.corpus = '{corpus}'", 'STEPS = 2', 'train.batch_size=4'])
    experiment = config.experiment()
    retrax.training.train(experiment, tmp_path / 'run', config.text)
    loaded = retrax.load_run(tmp_path / 'run')
    assert loaded.metadata['step'] == 2
    assert loaded.vocabulary.size == 256
    for path, array in experiment.model.named_weights().items():
        np.testing.assert_array_equal(array, loaded.model.named_weights()[path])
