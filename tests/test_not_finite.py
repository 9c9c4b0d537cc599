"""Steps that are not finite: named, where they began, and left out by choice."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import retrax
from retrax import layers as tl
from retrax import training
from retrax.training.trainer import Trainer

pytestmark = pytest.mark.usefixtures('compiled_quickly')

X = np.linspace(-1, 1, 8, dtype=np.float32).reshape(4, 2)
LOSS = tl.L2Loss()


@jax.custom_vjp
def bad_backwards(x):
    return x


bad_backwards.defvjp(lambda x: (x, x), lambda x, g: (jnp.where(x > 2, jnp.nan, g),))


def batch(scale: float, target: float = 1.0):
    return X * scale, np.full((4, 1), target, np.float32)


def model(function: Callable = lambda x: x) -> tl.Layer:
    made = tl.Serial(tl.Dense(3), tl.Fn('Middle', function), tl.Dense(1))
    made.init(tl.signature(X))
    made.set_named_weights({name: jnp.ones(w.shape) for name, w in made.named_weights().items()})
    return made


def third_is_infinite(gradients, n, params=None):
    return jax.tree.map(lambda g: jnp.where(n == 2, jnp.inf, -0.01 * g), gradients), n + 1


THIRD_IS_INFINITE = optax.GradientTransformation(
    lambda params: jnp.zeros((), jnp.int32), third_is_infinite
)
BAD = [
    ('input 1 of the batch is NaN', model, batch(np.nan), optax.sgd(0.01)),
    ('target or weight 1 of the batch is infinite', model, batch(1, np.inf), optax.sgd(0.01)),
    (
        r'the output of Middle#1 \(Middle\) is infinite',
        lambda: model(lambda x: jnp.exp(x * 1.2)),
        batch(50),
        optax.sgd(0.01),
    ),
    ('the loss is infinite', model, batch(1, 1e30), optax.sgd(0.01)),
    (
        'the gradient of Dense#1.b is NaN',
        lambda: model(lambda x: bad_backwards(x)),
        batch(50),
        optax.sgd(0.01),
    ),
    ('the update of Dense#1.w is infinite', model, batch(1), THIRD_IS_INFINITE),
]


@pytest.mark.parametrize(('message', 'made', 'bad', 'optimizer'), BAD, ids=[b[0] for b in BAD])
def test_the_first_bad_value_is_named(message, made, bad, optimizer) -> None:
    good = batch(1e-3)
    trainer = Trainer(made(), [good, good, bad, good], optimizer, LOSS)
    list(trainer.run(2, log_every=2))
    before = jax.tree.map(np.asarray, trainer.state.weights)
    with pytest.raises(training.DivergedError, match=rf'^step 3: {message}, the first') as raised:
        list(trainer.run(4, log_every=2))
    assert raised.value.step == 3
    assert raised.value.place in str(raised.value)
    jax.tree.map(np.testing.assert_array_equal, before, trainer.state.weights)


def test_skipping_is_as_if_the_step_had_not_been() -> None:
    """But for the number of the step: data without the bad batch gives the same weights."""
    good, bad = [batch(1), batch(2), batch(0.5)], batch(np.nan)
    skipping, whole = model(), model()
    history = retrax.fit(
        skipping,
        [good[0], bad, *good[1:]],
        4,
        optimizer=optax.sgd(0.01),
        loss=LOSS,
        log_every=2,
        not_finite='skip',
    )
    expected = retrax.fit(whole, good, 3, optimizer=optax.sgd(0.01), loss=LOSS, log_every=1)
    jax.tree.map(np.testing.assert_array_equal, skipping.weights, whole.weights)
    assert [entry.metrics['skipped'] for entry in history.progress] == [1, 0]
    assert history.losses[0] == expected.losses[0]
    assert history.losses[1] == pytest.approx(np.mean(expected.losses[1:]), rel=1e-6)


def test_a_skipped_step_is_told_and_too_many_are_an_error() -> None:
    trainer = Trainer(model(), [batch(1), batch(np.nan)], optax.sgd(0.01), LOSS, not_finite='skip')
    next(trainer.run(2, log_every=2))
    assert str(trainer.skipped).startswith('step 2: input 1 of the batch is NaN')
    next(trainer.run(3, log_every=1))
    assert trainer.skipped is None
    with pytest.raises(training.DivergedError, match=r'step 4: .* It was left out\. The weights'):
        next(trainer.run(4, log_every=1))
    with pytest.raises(ValueError, match=r"not_finite: expected one of .*, got 'ignore'"):
        Trainer(model(), [batch(1)], optax.sgd(0.01), LOSS, not_finite='ignore')


@pytest.mark.parametrize(
    ('limit', 'kept', 'told'),
    [
        ('KEPT', 100, r'the output of Middle#1 (Middle) is infinite, the first'),
        ('KEPT', 3, 'one of'),  # batches: the first is gone
        ('KEPT_BYTES', 3 * 64, 'one of'),
    ],
)
def test_a_skipped_step_is_looked_at_with_its_own_weights(limit, kept, told, monkeypatch) -> None:
    """The step after it makes all weights 0, with which it would be fine."""
    monkeypatch.setattr(training.stepper, limit, kept)

    def to_zero(gradients, n, params):
        return jax.tree.map(lambda w: jnp.where(n == 0, 0.0, -w), params), n + 1

    optimizer = optax.GradientTransformation(lambda params: jnp.zeros((), jnp.int32), to_zero)
    made = model(lambda x: jnp.exp(x * 1.2))
    batches = [batch(1), batch(50), batch(1), batch(1)]
    trainer = Trainer(made, batches, optimizer, LOSS, not_finite='skip')
    list(trainer.run(4, log_every=4))
    assert str(trainer.skipped).startswith(f'step 2: {told}')
    assert not any(np.any(w) for w in jax.tree.leaves(trainer.state.weights))


def test_a_batch_that_was_let_go_of_has_no_place_and_the_newest_stays(monkeypatch) -> None:
    monkeypatch.setattr(training.stepper, 'KEPT_BYTES', 1)
    batches = [batch(1), batch(np.nan), batch(1)]
    with pytest.raises(training.DivergedError, match=r'^step 2: input 1 of the batch is NaN'):
        list(Trainer(model(), batches, optax.sgd(0.01), LOSS).run(2, log_every=2))
    with pytest.raises(training.DivergedError, match=r'^step 2: one of its values') as raised:
        list(Trainer(model(), batches, optax.sgd(0.01), LOSS).run(3, log_every=3))
    assert raised.value.place is None


def test_a_carried_state_stays_that_before_the_bad_step() -> None:
    """Also where a new epoch begins between the bad step and the moment it is noticed."""
    lm = tl.Serial(tl.ShiftRight(), tl.Embedding(9, 4), tl.GRU(4), tl.Dense(9), tl.LogSoftmax())
    batches = retrax.data.ContiguousBatches(np.arange(1, 49) % 8, 2, 8)  # 3 in an epoch

    def update(gradients, n, params=None):
        scale = jnp.where(n == 1, jnp.nan, -0.1)
        return jax.tree.map(lambda g: scale * g, gradients), n + 1

    optimizer = optax.GradientTransformation(lambda params: jnp.zeros((), jnp.int32), update)
    trainer = Trainer(lm, batches, optimizer)
    list(trainer.run(1))
    before = jax.tree.map(np.asarray, trainer.state.model_state)
    assert any(np.any(leaf) for leaf in jax.tree.leaves(before))
    with pytest.raises(training.DivergedError, match='step 2: the update of Embedding#1 is NaN'):
        list(trainer.run(5))
    jax.tree.map(np.testing.assert_array_equal, before, trainer.state.model_state)
