"""examples/gru_cell_weights.py: where the weights of a cell are, by number."""

import example_pages
import numpy as np
import pytest

import retrax
from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')


@pytest.fixture(scope='module')
def page() -> example_pages.Page:
    return example_pages.run('gru_cell_weights')


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def test_D1_a_layer_writes_down_its_equations_names_and_shapes(page) -> None:
    for line in (
        "  h' = u * h + (1 - u) * c",
        '  c = tanh([x, r * h] w2 + b2)',
        '  w1 (7, 8)',
        'w2 (7, 4)',
    ):
        assert f'\n{line}\n' in page.printed


def test_D2_joint_kernels_and_the_order_of_gates(page) -> None:
    """TensorFlow's cell in float64: r and u side by side, both of [x, h]."""
    arrays, x = page['arrays'], page['x']
    h, expected = np.zeros((2, 4)), []
    for t in range(6):
        made = np.concatenate([x[:, t], h], axis=1) @ arrays['gates']['kernel']
        r, u = np.split(sigmoid(made + arrays['gates']['bias']), 2, axis=1)
        joint = np.concatenate([x[:, t], r * h], axis=1) @ arrays['candidate']['kernel']
        h = u * h + (1 - u) * np.tanh(joint + arrays['candidate']['bias'])
        expected.append(h)
    np.testing.assert_allclose(page['theirs'](x), np.stack(expected, axis=1), atol=1e-6)


def test_D3_biases_of_gates_that_start_at_1(page) -> None:
    named = page['kept'].named_weights()
    np.testing.assert_allclose(named['b1'], 1, atol=1e-4)
    np.testing.assert_allclose(named['b2'], 0, atol=1e-4)


def test_D4_a_cell_of_your_own(page) -> None:
    """Gates of x alone, the reset gate after the product, in float64."""
    own, x = page['own'], page['x']
    w = {name: np.asarray(v, np.float64) for name, v in own.named_weights().items()}
    h, expected = np.zeros((2, 4)), []
    for t in range(6):
        gates = sigmoid(x[:, t] @ w['gates_kernel'] + w['gates_bias'])
        u, r = np.split(gates, 2, axis=1)
        c = np.tanh(
            x[:, t] @ w['candidate_kernel'] + w['candidate_bias'] + r * (h @ w['recurrent_kernel'])
        )
        h = u * h + (1 - u) * c
        expected.append(h)
    np.testing.assert_allclose(own(x), np.stack(expected, axis=1), atol=1e-6)
    predict = own.as_mode('predict')
    y, state = predict.pure_fn(x[:, :2], predict.weights, predict.new_state(2), None)
    rest, _ = predict.pure_fn(x[:, 2:], predict.weights, state, None)
    np.testing.assert_allclose(np.concatenate([y, rest], axis=1), own(x), atol=1e-6)


def test_D5_how_two_conventions_differ(page) -> None:
    said = retrax.explain_difference(tl.GRU(4), 'torch')
    assert 'Where the reset gate acts: no weights make the two equal.' in said
    assert said in page.printed
    assert 'are the same' in retrax.explain_difference('d2l', 'd2l')
