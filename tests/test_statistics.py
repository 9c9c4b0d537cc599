"""Statistics go on where state starts anew: epochs, batch sizes, modes, resumed runs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from registry import make_loud
from tolerances import assert_close, assert_equal

import retrax
from retrax import data, training
from retrax import layers as tl

RANDOM = np.random.default_rng(0)
X = (3 + 2 * RANDOM.normal(size=(4, 5, 3))).astype(np.float32)


def whole(axis: Any) -> tuple[np.ndarray, np.ndarray]:
    wide = X.astype(np.float64)
    return wide.mean(axis, keepdims=True), wide.var(axis, keepdims=True)


@pytest.mark.parametrize('axis', [(0, 1, 2), (0, 1), 0, (0, -2)])
@pytest.mark.parametrize(('center', 'scale'), [(True, True), (True, False), (False, True)])
def test_batch_norm(axis: Any, center: bool, scale: bool) -> None:
    layer = tl.BatchNorm(axis, epsilon=0.01, center=center, scale=scale, momentum=0.8)
    layer.init(tl.signature(X))
    beta, gamma = make_loud(layer).weights
    mean, variance = whole(axis)
    axes = (axis,) if isinstance(axis, int) else axis
    beta = np.expand_dims(beta, axes) if center else 0
    gamma = np.expand_dims(gamma, axes) if scale else 1
    assert_close(layer(X), (X - mean) / np.sqrt(variance + 0.01) * gamma + beta)
    assert_close(layer.state.mean, 0.2 * mean)
    assert_close(layer.state.variance, 0.8 + 0.2 * variance)
    assert layer.state.n_batches == 1
    running = (X - 0.2 * mean) / np.sqrt(0.8 + 0.2 * variance + 0.01)
    for mode in ('eval', 'predict'):
        assert_close(layer.as_mode(mode)(X), running * gamma + beta)


def test_batch_norm_keeps_the_dtype() -> None:
    y = tl.BatchNorm()(jnp.asarray(X, jnp.bfloat16))
    assert y.dtype == jnp.bfloat16
    with pytest.raises(
        tl.LayerError, match=r'expected axes \(0, 1, 2\), to average over, got rank 2'
    ):
        tl.BatchNorm()(X[0])


def model() -> tl.Layer:
    return tl.Serial(tl.GRU(3), tl.BatchNorm((0, 1), momentum=0.5), tl.Dense(2))


def statistics(of: tl.Layer) -> Any:
    return of.state[1].value


def test_views_have_the_statistics_of_the_model() -> None:
    trained = model()
    trained.init(tl.signature(X))
    away = trained.as_mode('eval')
    before = away(X)
    for _ in range(3):
        trained(X)
    assert statistics(trained).n_batches == 3
    for view in (away, trained.as_mode('predict'), trained.with_carry()):
        assert_equal(jax.tree.leaves(view.new_state(7))[-3:], jax.tree.leaves(statistics(trained)))
    assert_equal(statistics(away), statistics(trained))
    assert not np.allclose(away(X), before)


def test_chunks_have_the_statistics_of_all_chunks() -> None:
    alone = tl.BatchNorm(momentum=0.8)
    alone.init(tl.signature(X))
    chunked = tl.Serial(tl.Chunk(alone, 2))
    chunked.init(tl.signature(X))
    start = chunked.sublayers[0].sublayers[0].new_state(2)
    parts = [alone.pure_fn(X[i : i + 2], alone.weights, start, None) for i in (0, 2)]
    assert_close(chunked(X), np.concatenate([y for y, _ in parts]))
    mean = jax.tree.map(lambda *of_parts: np.mean(of_parts, 0), *(state for _, state in parts))
    found = jax.tree.leaves(chunked.state)
    jax.tree.map(assert_close, found, jax.tree.leaves(mean))
    away = chunked.as_mode('eval')
    for rows in (4, 2, 3):
        assert_close(away(X[:rows]), away(X)[:rows])


def test_init_makes_new_statistics_and_init_on_a_view_keeps_them() -> None:
    trained = model()
    trained(X)
    trained.as_mode('eval').init(tl.signature(X[:1]))
    assert statistics(trained).n_batches == 1
    trained.init(tl.signature(X))
    assert statistics(trained).n_batches == 0


def test_a_state_that_is_set_counts() -> None:
    trained = model()
    trained.init(tl.signature(X))
    start = trained.new_state(4)
    trained(X)
    trained.state = start
    assert_equal(statistics(trained), tl.BatchNorm((0, 1)).init(tl.signature(X))[1])


def bytes_model() -> tl.Layer:
    return tl.Serial(
        tl.ShiftRight(),
        tl.Embedding(256, 8),
        tl.BatchNorm((0, 1)),
        tl.GRU(8),
        tl.Dense(256),
        tl.LogSoftmax(),
    )


def test_epochs_start_memory_anew_and_statistics_go_on() -> None:
    ids = np.arange(600, dtype=np.int32) % 256
    batches = data.ContiguousBatches(ids, batch_size=2, window=20)
    steps = 3 * len(batches)
    trained = bytes_model()
    retrax.fit(trained, batches, steps, optimizer=optax.sgd(0.1))
    n_batches = [s for s in jax.tree.leaves(trained.state) if s.dtype == jnp.int32 and s.ndim == 0]
    assert n_batches == [steps]
    resting, fresh = trained.as_mode('eval'), bytes_model()
    fresh.init(tl.ShapeDtype((2, 20), np.int32))
    fresh.weights = trained.weights
    assert not np.allclose(resting(ids[None, :20]), fresh.as_mode('eval')(ids[None, :20]))
    one, other = (training.evaluate(m, batches).nats for m in (trained, fresh))
    assert one != other


def test_summary_scalar() -> None:
    watched = tl.Serial(tl.Dense(2), tl.SummaryScalar('mean'), tl.SummaryScalar('top', jnp.max))
    y = watched(X)
    assert_close(watched.state[1].value['summary_mean'], np.asarray(y, np.float64).mean())
    assert_close(watched.state[2].value['summary_top'], np.asarray(y, np.float64).max())


def test_a_training_notes_summaries_of_the_last_step() -> None:
    watched = tl.Serial(tl.SummaryScalar('top', jnp.max), tl.Dense(1))
    batches = [(np.full((2, 3), n, np.float32), np.ones((2, 1), np.float32)) for n in range(4)]
    history = retrax.fit(watched, batches, 4, loss=tl.L2Loss(), log_every=2)
    assert [point.metrics['summary_top'] for point in history.progress] == [1, 3]
