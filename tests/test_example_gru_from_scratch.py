"""examples/gru_from_scratch.py: what a GRU by hand left to luck, by number."""

import example_pages
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import retrax
from retrax import data, training
from retrax import layers as tl
from retrax.interop import weights

pytestmark = pytest.mark.usefixtures('compiled_quickly')


@pytest.fixture(scope='module')
def page() -> example_pages.Page:
    return example_pages.run('gru_from_scratch', steps=100)


def test_C1_a_matrix_for_each_gate(page) -> None:
    assert 'as by hand: True' in page.printed
    assert page['gru'].cell.reset == 'before'
    assert page['gru'].cell.update == 'keeps_old'
    back = weights.to_params(page['gru'], 'd2l')
    assert back.keys() == page['separate'].keys()
    for name, array in page['separate'].items():
        np.testing.assert_allclose(back[name], array, rtol=1e-6)


def test_C2_one_hot_times_a_matrix_is_an_embedding(page) -> None:
    ids, table = page['ids'], page['table']
    embedding = tl.Embedding(6, 3)
    embedding.init(tl.signature(ids))
    embedding.weights = table
    np.testing.assert_array_equal(tl.one_hot(ids, 6) @ table, embedding(ids))


def test_C3_the_size_of_the_vocabulary_is_that_of_the_text(page) -> None:
    vocabulary = page['vocabulary']
    text = ''.join(sorted(set(page['text'])))
    assert [vocabulary.decode(vocabulary.encode(c)) for c in text] == list(text)
    assert page['model'].sublayers[1].weights.shape[0] == vocabulary.size


def test_C4_the_order_is_fixed_and_has_a_fingerprint() -> None:
    one, same, other = (data.CharVocabulary.fit(text) for text in ('hello', 'ohell', 'help'))
    assert one.encode('hello').tolist() == same.encode('hello').tolist()
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_C5_a_carried_state_goes_on_where_its_row_goes_on(page) -> None:
    ids = page['vocabulary'].encode(page['text'][:100_003])
    this, following = page['this'], page['following']
    for row in (0, 3, 31):
        start = int(np.flatnonzero(_starts(ids, this.tokens[row]))[0])
        np.testing.assert_array_equal(ids[start + 35 : start + 70], following.tokens[row])
    skipping = Skipping(ids, batch_size=32, window=35)
    with pytest.raises(ValueError, match='row 0'):
        retrax.fit(page['model'], skipping, 2, loss=page['loss'])


class Skipping(data.ContiguousBatches):
    """Leaves out every other window."""

    def __getitem__(self, index):
        return super().__getitem__(2 * index)


def _starts(ids, window):
    windows = np.lib.stride_tricks.sliding_window_view(ids, len(window))
    return (windows == window).all(axis=1)


def test_C6_sizes_need_not_divide_the_text(page) -> None:
    assert '100,003 of 100,003 characters, each once' in page.printed


def test_C7_softmax_is_per_row_and_stable(page) -> None:
    np.testing.assert_allclose(np.exp(tl.log_softmax(page['logits'])).sum(axis=1), 1, atol=1e-6)
    assert 'all gives [nan nan]' in page.printed
    extreme = jnp.array([[1e4, -1e4, 0.0]])
    assert np.isfinite(tl.log_softmax(extreme)).all()


def test_C8_the_loss_takes_logits() -> None:
    random = np.random.default_rng(0)
    logits, targets = random.normal(0, 50, (2, 3, 5)), random.integers(0, 5, (2, 3))
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    expected = -np.take_along_axis(log_probs, targets[..., None], axis=-1).mean()
    ones = np.ones((2, 3), np.float32)
    got = tl.CrossEntropyLossWithLogSoftmax()((logits.astype(np.float32), targets, ones))
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_C9_the_gradient_stops_at_the_window() -> None:
    """With carry, the gradient of the second window is that of the window from a constant state."""
    model = tl.Serial(tl.GRU(3), tl.Dense(2))
    x = np.random.default_rng(0).normal(size=(1, 8, 2)).astype(np.float32)
    model.init(tl.signature(x))
    carry = model.with_carry()
    state = carry.new_state(1)

    def second(w, state):
        return jnp.sum(carry.pure_fn(x[:, 4:], w, state, None)[0] ** 2)

    def both(w, state):
        after = carry.pure_fn(x[:, :4], w, state, None)[1]
        return second(w, jax.lax.stop_gradient(after))

    after = carry.pure_fn(x[:, :4], model.weights, state, None)[1]
    truncated = jax.grad(second)(model.weights, after)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        truncated,
        jax.grad(both)(model.weights, state),
    )
    optimizer = training.SGD(1.0)
    batches = data.ContiguousBatches(np.arange(1, 17) % 5, batch_size=1, window=8)
    lm = tl.Serial(tl.ShiftRight(), tl.Embedding(5, 3), tl.GRU(3), tl.Dense(5), tl.LogSoftmax())
    lm.init(tl.ShapeDtype((1, 8), np.int32))
    start = lm.weights

    def loss_of(w, window, state):
        log_probs, state = lm.with_carry().pure_fn(window, w, state, None)
        return tl.CrossEntropyLoss()((log_probs, window, np.ones(window.shape, np.float32))), state

    w, state = start, lm.with_carry().new_state(1)
    for batch in batches:
        gradient, state = jax.grad(loss_of, has_aux=True)(w, batch.tokens, state)
        w = jax.tree.map(lambda a, g: a - g, w, gradient)
    retrax.fit(lm, batches, 2, optimizer=optimizer)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), lm.weights, w)


def test_C10_a_prefix_then_sampling(page) -> None:
    prefix = page['prefix']
    cold = retrax.generate(page['model'], prefix, 30, temperature=0.1, seed=1)
    assert cold.shape == (1, 30)
    greedy = retrax.generate(page['model'], prefix, 30, temperature=0.0)
    assert np.array_equal(retrax.generate(page['model'], prefix, 30, temperature=1e-4), greedy)


def test_C11_state_restarts_rates_halve_gradients_are_clipped(page) -> None:
    batches = page['batches']
    assert [batches[i].fresh for i in (0, 1, len(batches) - 1, len(batches))] == [
        *(True, False, False, True)
    ]
    rates = [float(page['halved'](step)) for step in (0, 99, 100, 200)]
    assert rates == [2.0, 2.0, 1.0, 0.5]
    losses = page['history'].losses
    assert losses[-1] < losses[0] - 0.4


def test_C12_what_is_not_used_is_reported(page) -> None:
    assert page['unused'].ok  # the model on the page uses all it has
    model = tl.Serial(tl.Branch(tl.Dense(3), tl.GRU(2)), tl.Select([0], n_in=2))
    x = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    model.init(tl.signature(x))
    found = retrax.inspection.unused(model, x)
    assert {path for path, use in found.weights.items() if use.matters} == {
        *('Branch#1/Parallel#1/Dense#1.w', 'Branch#1/Parallel#1/Dense#1.b')
    }
