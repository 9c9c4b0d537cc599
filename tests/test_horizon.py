"""Truncated backpropagation: window and horizon chosen apart, against float64 NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from retrax import data, training
from retrax import layers as tl
from retrax.training.trainer import Trainer
from retrax.training.truncation import truncations

N, D, H = 5, 3, 4  # ids, features, units
TOKENS = np.random.default_rng(0).integers(1, N, 2 * 24)
BATCHES = data.ContiguousBatches(TOKENS, batch_size=2, window=6)  # 4 windows in an epoch
ROWS = TOKENS.reshape(2, 24)


def lm() -> tl.Layer:
    layers = tl.Embedding(N, D), tl.RNN(H), tl.Dense(N), tl.LogSoftmax()
    made = tl.Serial(tl.ShiftRight(), *layers)
    made.init(tl.ShapeDtype((2, 6), np.int32))
    made.weights = jax.tree.map(lambda w: w * 2 + 0.1, made.weights)  # so that memory matters
    return made


def forward(ws, tokens, state):
    """Returns the sum of -log p of (2, t) tokens, and the state after them, in float64."""
    table, w, b, dense_w, dense_b = ws
    previous, h = state
    nats = 0.0
    for column in tokens.T:
        h = np.tanh(np.concatenate([table[previous], h], 1) @ w + b)
        logits = h @ dense_w + dense_b
        nats -= sum(logits[[0, 1], column] - np.log(np.exp(logits).sum(1)))
        previous = column
    return nats, (previous, h)


START = np.zeros(2, int), np.zeros((2, H))


def numerical(f, ws):
    """The gradient of f by central differences."""
    found = [np.zeros_like(w) for w in ws]
    for w, g in zip(ws, found, strict=True):
        for place in np.ndindex(w.shape):
            before, values = w[place], []
            for step in (1e-5, -1e-5):
                w[place] = before + step
                values.append(f(ws))
            w[place] = before
            g[place] = (values[0] - values[1]) / 2e-5
    return found


def in_pieces(ws, tokens, state, horizon):
    """The loss of tokens, a mean, with a constant state before each piece."""
    starts, held = [], state
    for i in range(0, tokens.shape[1], horizon):
        starts.append((tokens[:, i : i + horizon], held))
        held = forward(ws, starts[-1][0], held)[1]
    return lambda ws: sum(forward(ws, part, held)[0] for part, held in starts) / tokens.size


def through_windows(ws, n, last):
    """The loss of window `last`, with a constant state before the n windows up to it."""
    first = last + 1 - n
    held = forward(ws, ROWS[:, : 6 * first], START)[1]

    def loss(ws):
        before = forward(ws, ROWS[:, 6 * first : 6 * last], held)[1]
        return forward(ws, ROWS[:, 6 * last : 6 * (last + 1)], before)[0] / 12

    return loss


def learned_in(model, horizon, at):
    """The gradient of step `at`, from 0; the steps before it change nothing."""

    def update(gradients, n, params=None):
        return jax.tree.map(lambda g: jnp.where(n == at, -g, 0.0), gradients), n + 1

    optimizer = optax.GradientTransformation(lambda params: jnp.zeros((), jnp.int32), update)
    trainer = Trainer(model, BATCHES, optimizer, horizon=horizon)
    for i in range(at + 1):
        trainer.advance(training.as_example(BATCHES[i]))
    after = jax.tree.leaves(trainer.state.weights)
    return [np.asarray(a - b) for a, b in zip(jax.tree.leaves(model.weights), after, strict=True)]


@pytest.mark.parametrize('horizon', [None, 2, 3, 6, 12, 18])
def test_the_gradient_is_that_of_the_reference(horizon) -> None:
    model, at = lm(), 3
    ws = [np.asarray(w, np.float64) for w in jax.tree.leaves(model.weights)]
    if horizon in (None, 2, 3, 6):
        state = forward(ws, ROWS[:, : 6 * at], START)[1]
        loss = in_pieces(ws, ROWS[:, 6 * at :], state, horizon or 6)
    else:
        loss = through_windows(ws, horizon // 6, at)
    for mine, expected in zip(learned_in(model, horizon, at), numerical(loss, ws), strict=True):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=2e-6)


def test_an_epoch_begins_without_earlier_windows() -> None:
    model = lm()
    ws = [np.asarray(w, np.float64) for w in jax.tree.leaves(model.weights)]
    for mine, expected in zip(
        learned_in(model, 18, at=4), numerical(through_windows(ws, 1, 0), ws), strict=True
    ):
        np.testing.assert_allclose(mine, expected, rtol=1e-4, atol=2e-6)


def test_a_training_that_goes_on_goes_through_the_same_windows() -> None:
    def trainer():
        return Trainer(lm(), BATCHES, training.SGD(0.1), horizon=12)

    whole, cut = trainer(), trainer()
    list(whole.run(7))
    list(cut.run(3))
    again = trainer()
    again.resume(cut.state)
    list(again.run(7))
    jax.tree.map(np.testing.assert_array_equal, again.state.weights, whole.state.weights)


def test_the_meter_says_how_far_a_truncated_gradient_is() -> None:
    model = lm()
    ws = [np.asarray(w, np.float64) for w in jax.tree.leaves(model.weights)]

    def vector(horizon):
        found = numerical(in_pieces(ws, ROWS, START, horizon), ws)
        return np.concatenate([g.ravel() for g in found])

    full, found = vector(24), truncations(model, ROWS.astype(np.int32), [24, 6, 1])
    assert [row.horizon for row in found] == [24, 6, 1]
    for row in found:
        g = vector(row.horizon)
        cosine = g @ full / np.linalg.norm(g) / np.linalg.norm(full)
        assert row.cosine == pytest.approx(cosine, abs=1e-5)
        assert row.relative_norm == pytest.approx(
            np.linalg.norm(g) / np.linalg.norm(full), rel=1e-4
        )
        error = np.linalg.norm(g - full) / np.linalg.norm(full)
        assert row.relative_error == pytest.approx(error, rel=1e-3, abs=1e-5)
    assert found[0].cosine > found[1].cosine > found[2].cosine


@pytest.mark.parametrize(
    ('horizon', 'batches', 'more', 'message'),
    [
        (4, BATCHES, {}, r'horizon=4: expected a divisor or a multiple of the window, 6'),
        (24, [ROWS.astype(np.int32)], {}, r'horizon=24: these batches do not go on'),
        (12, BATCHES, {'not_finite': 'skip'}, r"horizon=12, window=6: not_finite='skip'"),
    ],
)
def test_horizons_that_do_not_fit(horizon, batches, more, message) -> None:
    with pytest.raises(ValueError, match=message):
        Trainer(lm(), batches, training.SGD(0.1), horizon=horizon, **more)
