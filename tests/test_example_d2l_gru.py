"""examples/d2l_gru.py: from scratch and concise, by number."""

import example_pages
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conformance.peers import peer

from retrax import configs, inspection
from retrax import layers as tl
from retrax.interop import weights

pytestmark = pytest.mark.usefixtures('compiled_quickly')


@pytest.fixture(scope='module')
def page() -> example_pages.Page:
    return example_pages.run('d2l_gru', steps=250)


def test_H1_small_normal_weights_and_zero_biases() -> None:
    model = configs.load('d2l_gru').experiment().model
    model.init(tl.ShapeDtype((1, 1), np.int32))
    named = model.named_weights()
    for name in ('GRU#1.w1', 'GRU#1.w2', 'Dense#1.w'):
        assert float(named[name].std()) == pytest.approx(0.01, rel=0.1)
        assert abs(float(named[name].mean())) < 0.001
    for name in ('GRU#1.b1', 'GRU#1.b2', 'Dense#1.b'):
        assert not named[name].any()


def test_H2_batch_comes_first_and_is_never_guessed(page) -> None:
    x = page['x']
    whole = page['concise'](x)[0]
    np.testing.assert_allclose(page['concise'](x[:1])[0], whole[:1], atol=1e-6)  # axis 0 is rows
    swap = tl.Fn('Swap', lambda x: jnp.swapaxes(x, 0, 1), is_causal=False, couples_rows=True)
    by_time = tl.Serial(swap, tl.GRU(4))
    assert by_time(jnp.swapaxes(x, 0, 1)).shape == (2, 5, 4)
    with pytest.raises(tl.LayerError, match='batch, time'):
        tl.GRU(4)(x[0])


def test_H3_outputs_and_the_last_state(page) -> None:
    y, last = page['concise'](page['x'])
    assert y.shape == (2, 5, 32)
    np.testing.assert_array_equal(y[:, -1], last)


def test_H4_a_scan_and_not_a_python_loop() -> None:
    gru = tl.GRU(4)
    counts = []
    for t in (3, 300):
        x = jnp.zeros((1, t, 2))
        gru.init(tl.signature(x))
        program = jax.make_jaxpr(lambda x: gru.pure_fn(x, gru.weights, (), None)[0])(x)
        counts.append(str(program).count('dot_general'))
    assert counts[0] == counts[1]  # the program does not grow with the length


def test_H5_the_concise_version_is_what_the_one_by_hand_is(page) -> None:
    assert page.printed.startswith('True True\n')


def test_H6_the_concise_version_is_one_word(page) -> None:
    torch = peer('torch')
    module = torch.nn.GRU(3, 32, batch_first=True)  # the chapter's concise version
    ours = weights.from_torch(module)
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
    with torch.no_grad():
        theirs = module(torch.from_numpy(x))[0].numpy()
    np.testing.assert_allclose(ours(x), theirs, atol=1e-5)
    assert repr(tl.GRU(32)) == 'GRU_32'


def test_H7_the_chapter_as_a_config() -> None:
    config = configs.load('d2l_gru')
    experiment = config.experiment()
    assert (experiment.batch_size, experiment.window, experiment.steps) == (1024, 32, 3000)
    assert 'GRU_32' in repr(experiment.model)
    said = configs.operative(config).splitlines()
    assert {'SGD.learning_rate = 4.0', 'SGD.clip_norm = 1.0'} <= set(said)


def test_H8_twenty_characters_after_it_has(page) -> None:
    said = [line for line in page.printed.splitlines() if 'perplexity' in line]
    for line in said:
        text = line.partition('s, ')[2]
        assert text.startswith("'it has")
        assert len(text) == len("'it has'") + 20


def test_H9_gates_can_be_held(page) -> None:
    assert 'step 1 is kept until step 4: True' in page.printed
    gru = page['concise']
    free, _ = gru(page['x'])
    held, _ = inspection.forced(gru, {'u': 1.0}, steps=[2, 3, 4])(page['x'])
    np.testing.assert_array_equal(held[:, :2], free[:, :2])
    assert not np.allclose(free[:, 1], free[:, 4])


def test_H10_only_one_gate_by_one_argument(page) -> None:
    x = np.random.default_rng(2).normal(size=(1, 4, 3)).astype(np.float32)
    for cell, missing in ((page['only_reset'], 'u'), (page['only_update'], 'r')):
        layer = tl.Recurrent(cell)
        layer.init(tl.signature(x))
        n_weights = sum(w.size for w in layer.named_weights().values())
        assert n_weights == 2 * (3 + 32 + 1) * 32  # of the other gate and the candidate
        whole = tl.Recurrent(tl.GRUCell(32))
        whole.init(tl.signature(x))
        w1, b1, w2, b2 = whole.weights
        other = slice(32, 64) if missing == 'u' else slice(0, 32)
        layer.weights = (w1[:, other], b1[other], w2, b2)
        value = 0.0 if missing == 'u' else 1.0
        expected = inspection.forced(whole, {missing: value})(x)
        np.testing.assert_allclose(layer(x), expected, atol=1e-6)


def test_H11_reset_1_and_update_0_is_the_plain_rnn(page) -> None:
    assert 'the plain RNN: True' in page.printed
    np.testing.assert_allclose(page['plain'](page['z']), page['rnn'](page['z']), atol=1e-6)


def test_H12_time_perplexity_and_text_side_by_side(page) -> None:
    rnn, gru = [line for line in page.printed.splitlines() if 'perplexity' in line]
    for line, name in ((rnn, 'rnn'), (gru, 'gru')):
        assert line.startswith(f'{name}: perplexity ')
        perplexity = float(line.split()[2].rstrip(','))
        assert 5 < perplexity < 25  # 113 characters before training
