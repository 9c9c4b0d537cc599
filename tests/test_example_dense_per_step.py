"""examples/dense_per_step.py: one matrix for all steps, or one for each, by number."""

import example_pages
import numpy as np
import pytest
from conformance.peers import peer

from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')


@pytest.fixture(scope='module')
def page() -> example_pages.Page:
    return example_pages.run('dense_per_step')


def test_G1_dense_is_a_convolution_over_one_step(page) -> None:
    assert page.printed.startswith('True 40 weights\n')
    dense, conv, x = page['dense'], page['conv'], page['x']
    np.testing.assert_allclose(dense(x), conv(x), atol=1e-6)
    w, b = (np.asarray(part, np.float64) for part in dense.weights)
    np.testing.assert_allclose(dense(x), x @ w + b, atol=1e-6)
    keras = peer('keras')
    theirs = keras.layers.TimeDistributed(keras.layers.Dense(8))
    theirs.build(x.shape)
    theirs.set_weights([np.asarray(part) for part in dense.weights])
    np.testing.assert_allclose(np.asarray(theirs(x)), dense(x), atol=1e-6)


def test_G2_a_matrix_for_each_step(page) -> None:
    assert '400 weights\nTrue\n' in page.printed
    per_step, x = page['per_step'], page['x']
    assert sum(w.size for w in per_step.named_weights().values()) == 400
    alone = np.zeros_like(x)
    alone[:, 3] = x[:, 3]
    y, y_alone = per_step(x), per_step(alone)
    np.testing.assert_allclose(y[:, 3], y_alone[:, 3], atol=1e-6)  # of its own step only
    same = np.broadcast_to(x[:, :1], x.shape)
    assert not np.allclose(per_step(same)[:, 0], per_step(same)[:, 1])  # each step its own
    predict = per_step.as_mode('predict')
    _, state = predict.pure_fn(x, predict.weights, predict.new_state(2), None)
    with pytest.raises(tl.LayerError, match='more steps than the 10 that have weights'):
        predict.pure_fn(x[:, :1], predict.weights, state, None)
    with pytest.raises(tl.LayerError, match='expected at most 10, which have weights, got 11'):
        per_step(np.ones((2, 11, 4), np.float32))
    with pytest.raises(tl.LayerError, match="expected a number, got 'time'"):
        tl.PerStepDense(8).init(tl.ShapeDtype(('batch', 'time', 4)))
