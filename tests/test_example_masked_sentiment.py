"""examples/masked_sentiment.py: padding that does not leak, by number."""

import example_pages
import numpy as np
import pytest

import retrax
from retrax import data
from retrax import layers as tl
from retrax.interop import weights

pytestmark = pytest.mark.usefixtures('compiled_quickly')
X = np.random.default_rng(0).normal(size=(2, 6, 3)).astype(np.float32)


@pytest.fixture(scope='module')
def page() -> example_pages.Page:
    return example_pages.run('masked_sentiment')


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_E1_the_number_of_results_does_not_depend_on_the_carries(page) -> None:
    counts = [line[:3] for line in page.printed.splitlines() if line.endswith(')]')]
    assert counts == ['1 2', '2 2', '1 2', '2 2']
    for cell in (tl.GRUCell(4), tl.LSTMCell(4)):
        assert tl.Recurrent(cell)(X).shape == (2, 6, 4)


def test_E2_which_steps_an_output_depends_on(page) -> None:
    assert 'depends on steps [0, 1, 2, 3, 4, 5]' in page.printed
    first = tl.Serial(tl.GRU(4), tl.Fn('First', lambda y: y[:, 0]))  # as in the question
    assert 'depends on steps [0]' in str(retrax.dependence(first, tl.ShapeDtype(('b', 't', 3))))


def test_E3_the_mask_reaches_state_pooling_and_loss(page) -> None:
    mask = np.array([[1, 1, 0, 1, 0, 0], [1, 1, 1, 1, 1, 1]], bool)
    gru = tl.Recurrent(tl.GRUCell(4), padding='mask')
    gru.init(tl.signature((X, mask)))
    w = {name: np.asarray(v, np.float64) for name, v in gru.named_weights().items()}
    h, states = np.zeros((2, 4)), []
    for t in range(6):
        u, r = np.split(sigmoid(np.hstack([X[:, t], h]) @ w['w1'] + w['b1']), 2, axis=1)
        c = np.tanh(np.hstack([X[:, t], r * h]) @ w['w2'] + w['b2'])
        m = mask[:, t, None]
        h = m * (u * h + (1 - u) * c) + (1 - m) * h
        states.append(h)
    y = np.stack(states, axis=1)
    np.testing.assert_allclose(gru((X, mask)), y, atol=1e-6)
    mean = (mask[..., None] * y).sum(axis=1) / mask.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(tl.MaskedMean()((y.astype(np.float32), mask)), mean, atol=1e-6)
    batches = data.RowBatches([np.array([1])], [0], batch_size=4, window=3)
    assert batches[0].weights.tolist() == [1, 0, 0, 0]  # rows that only fill the batch
    assert float(page['found'].metrics['accuracy']) > 0.95
    row, padded = page['evaluate'](page['row']), page['evaluate'](page['padded'])
    np.testing.assert_allclose(row, padded, atol=1e-6)


def test_E4_both_conventions_of_the_update_gate(page) -> None:
    assert "h' = u * h + (1 - u) * c" in page.printed
    assert "h' = (1 - u) * h + u * c" in page.printed
    old, new = (tl.Recurrent(tl.GRUCell(4, update=u)) for u in ('keeps_old', 'keeps_new'))
    old.init(tl.signature(X))
    new.init(tl.signature(X))
    w1, b1, w2, b2 = old.weights
    negated = np.repeat([-1.0, 1.0], 4).astype(np.float32)  # of the update gate alone
    new.weights = (w1 * negated, b1 * negated, w2, b2)
    np.testing.assert_allclose(new(X), old(X), atol=1e-6)


def test_E5_reset_after_the_product_without_a_recurrent_bias() -> None:
    random = np.random.default_rng(1)
    tree = {name: random.normal(0, 0.5, shape) for name, shape in (
        *(('W', (3, 8)), ('b', 8), ('U', (4, 8))), *(('Wx', (3, 4)), ('bx', 4), ('Ux', (4, 4))),
    )}  # fmt: skip
    h, expected = np.zeros((2, 4)), []
    for t in range(6):
        r, u = np.split(sigmoid(X[:, t] @ tree['W'] + h @ tree['U'] + tree['b']), 2, axis=1)
        c = np.tanh(X[:, t] @ tree['Wx'] + tree['bx'] + r * (h @ tree['Ux']))
        h = u * h + (1 - u) * c
        expected.append(h)
    layer = weights.from_params(tree, 'theano.dl4mt')
    np.testing.assert_allclose(layer(X), np.stack(expected, axis=1), atol=1e-6)


def test_E6_orthogonal_gate_by_gate(page) -> None:
    layer = tl.Recurrent(tl.GRUCell(4, recurrent_initializer=tl.OrthogonalInitializer()))
    layer.init(tl.signature(X))
    w1, w2 = layer.weights[0][3:], layer.weights[2][3:]
    for block in (w1[:, :4], w1[:, 4:], w2):
        np.testing.assert_allclose(block.T @ block, np.eye(4), atol=1e-5)


def test_E7_no_mask_is_a_mask_of_ones() -> None:
    without, with_mask = tl.Recurrent(tl.GRUCell(4)), tl.Recurrent(tl.GRUCell(4), padding='mask')
    ones = np.ones((2, 6), bool)
    without.init(tl.signature(X))
    with_mask.init(tl.signature((X, ones)))
    with_mask.weights = without.weights
    np.testing.assert_allclose(with_mask((X, ones)), without(X), atol=1e-6)


def test_E8_weights_are_explicit() -> None:
    """Nothing hidden: the same function of the same weights, twice, and of others another."""
    layer = tl.GRU(4)
    layer.init(tl.signature(X))
    before = layer.weights
    y, _ = layer.pure_fn(X, before, layer.state, None)
    again, _ = layer.pure_fn(X, before, layer.state, None)
    np.testing.assert_array_equal(y, again)
    doubled, _ = layer.pure_fn(X, tuple(2 * w for w in before), layer.state, None)
    assert not np.allclose(doubled, y)
    assert all(a is b for a, b in zip(layer.weights, before, strict=True))
