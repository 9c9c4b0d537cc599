"""The step, the loop, fit and evaluate, on models small enough to be quick."""

import signal
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import retrax
from retrax import data, models, training
from retrax import layers as tl
from retrax.training.stepper import uninterrupted

TEXT = 'the cat sat on the mat and the dog sat on the log. ' * 20


def small(n_layers: int = 1) -> tl.Serial:
    return models.GRULM(vocab_size=256, d_model=8, n_layers=n_layers)


def batches(text: str = TEXT, batch_size: int = 4, window: int = 8) -> data.ContiguousBatches:
    return data.ContiguousBatches(data.ByteVocabulary().encode(text), batch_size, window)


def traced_loss() -> tuple[tl.Layer, list[int]]:
    """A loss, and a list that grows whenever it is traced."""
    traces: list[int] = []

    def loss(outputs, targets, weights):
        traces.append(1)
        return -jnp.sum(jnp.take_along_axis(outputs, targets[..., None], -1)[..., 0] * weights)

    return tl.Fn('TracedLoss', loss), traces


def trainer_over(model, examples, optimizer=None, **more) -> training.Trainer:
    return training.Trainer(model, examples, optimizer or training.Adam(1e-2), **more)


# ------------------------------------------------------------------------------------------ fit


def test_fit_on_a_text_lowers_the_loss() -> None:
    model = small()
    history = retrax.fit(
        model, TEXT, steps=40, optimizer=training.Adam(1e-2), batch_size=4, window=8, log_every=10
    )
    assert history.steps == [10, 20, 30, 40]
    assert history.losses[0] > 4 > history.losses[-1]
    assert model.mode == 'train'
    assert np.all(np.isfinite(np.asarray(model.weights[1])))
    assert repr(history).startswith('History(steps=40, loss=')


@pytest.mark.parametrize(
    'examples',
    [
        [np.full((2, 5), 7, np.int32)],
        [(np.full((2, 5), 7), np.full((2, 5), 7))],
        [(np.full((2, 5), 7), np.full((2, 5), 7), np.ones((2, 5), np.float32))],
        np.full((3, 2, 5), 7, np.int32),
        iter([np.full((2, 5), 7, np.int32)] * 3),
        [data.Batch(np.full((2, 5), 7, np.int32), np.ones((2, 5), np.float32), True)],
    ],
    ids=['ids', 'pair', 'triple', 'array', 'iterator', 'Batch'],
)
def test_fit_takes_batches_of_many_kinds(examples) -> None:
    history = retrax.fit(small(), examples, 3, optimizer=training.Adam(0.03), log_every=1)
    assert history.losses[0] == pytest.approx(np.log(256), rel=0.05)
    assert history.losses[2] < history.losses[0]


def test_an_iterator_that_ends_says_so() -> None:
    with pytest.raises(ValueError, match='no batches left'):
        retrax.fit(small(), iter([np.ones((2, 5), np.int32)] * 2), 3)
    for empty in ([], iter([])):
        with pytest.raises(ValueError, match=r'no batches'):
            retrax.fit(small(), empty, 3)


@pytest.mark.parametrize(
    ('batch', 'message'),
    [
        ('text', r'expected token ids .* got str'),
        (np.arange(3), r'expected shape \(batch, time\), got \(3,\)'),
        (np.full((2, 5), 256), r'ids from 256 to 256, but the model tells apart 256 categories'),
        (np.full((2, 5), -1), r'ids from -1 to -1'),
        (np.full((2, 5), 2**32), r'integers from 4294967296 .* do not fit into int32'),
    ],
)
def test_batches_that_are_none(batch, message) -> None:
    with pytest.raises(ValueError, match=message):
        retrax.fit(small(), [batch], 1)


def test_labels_in_floats_are_looked_at_where_the_loss_takes_categories() -> None:
    model, x = tl.Serial(tl.Dense(3), tl.LogSoftmax()), np.eye(3, dtype=np.float32)
    whole, odd = np.float32([0, 1, 2]), np.float32([0, 0.7, 2])
    text = 'the targets of a batch: expected ids, whole numbers from 0 to 2, got '
    for good in (whole, whole.astype(np.int32)):
        retrax.fit(model, [(x, good)], 1)
        for bad, value in ((odd, '0.7'), (odd * np.nan, 'nan')):
            with pytest.raises(ValueError, match=text + value):
                retrax.fit(model, [(x, good), (x, bad)], 2)
    with pytest.raises(ValueError, match='ids from 0 to 3, but the model tells apart 3 categories'):
        retrax.fit(model, [(x, np.float32([0, 1, 3]))], 1)
    history = retrax.fit(model, [(x, odd, np.float32([1, 0, 1]))], 1)
    assert np.isfinite(history.losses[0])

    def nearest(x, targets, weights):
        return jnp.mean(weights * jnp.min((x - targets[:, None]) ** 2, axis=-1))

    retrax.fit(model, [(x, odd)], 1, loss=tl.Fn('Nearest', nearest))  # these are no ids


def test_what_weights_leave_out_by_broadcasting_may_be_anything() -> None:
    ids, row = np.full((2, 5), 7), np.float32([[0], [1]])
    history = retrax.fit(small(), [(ids, np.where(row == 0, -100, ids), row)], 1)
    assert history.losses[0] == pytest.approx(np.log(256), rel=0.05)


def test_another_loss_and_metrics() -> None:
    """Squared error on a linear map, with its closed gradient."""
    x, y = np.eye(3, dtype=np.float32), np.full((3, 1), 2, np.float32)
    squared = tl.Fn('Squared', lambda out, target, weight: jnp.sum(weight * (out - target) ** 2))
    highest = tl.Fn('Highest', lambda out, target, weight: jnp.max(jnp.abs(out - target)))
    model = tl.Dense(1, use_bias=False)
    model.init(tl.ShapeDtype((3, 3)))
    model.weights = jnp.zeros((3, 1))
    history = retrax.fit(
        model, [(x, y)], 1, optimizer=optax.sgd(0.25), loss=squared, metrics={'worst': highest}
    )
    np.testing.assert_allclose(model.weights, 0.25 * 2 * 2 * np.ones((3, 1)), rtol=1e-6)
    metrics = history.progress[0].metrics
    assert metrics['loss'] == pytest.approx(12)
    assert metrics['worst'] == pytest.approx(2)
    assert metrics['gradient_norm'] == pytest.approx(4 * np.sqrt(3))


def test_the_same_seed_gives_the_same_weights() -> None:
    def train(seed):
        model = tl.Serial(tl.Embedding(256, 4), tl.Dropout(0.5), tl.Dense(256), tl.LogSoftmax())
        retrax.fit(model, [np.full((2, 5), 7)], 3, seed=seed)
        return model.named_weights()

    first, again, other = train(1), train(1), train(2)
    for path, array in first.items():
        np.testing.assert_array_equal(array, again[path])
    assert any(np.any(np.asarray(first[path] != other[path])) for path in first)


def test_a_second_fit_finds_its_compiled_step() -> None:
    loss, traces = traced_loss()
    model, optimizer = small(), training.Adam()
    retrax.fit(model, batches(), 3, loss=loss, optimizer=optimizer)
    n_traces = len(traces)
    retrax.fit(model, batches(), 3, loss=loss, optimizer=optimizer)
    assert len(traces) == n_traces


# ----------------------------------------------------------------------------------- donation


def test_donation_spares_the_users_arrays() -> None:
    model = small()
    model.init(tl.ShapeDtype((4, 8), np.int32))
    weights = model.weights
    before = jax.tree.map(np.array, weights)
    seen = []
    retrax.fit(
        model, batches(), 6, log_every=2, callback=lambda _: seen.append(model.named_weights())
    )
    for old, new in zip(jax.tree.leaves(before), jax.tree.leaves(weights), strict=True):
        np.testing.assert_array_equal(old, new)
    assert len({np.asarray(weights['Embedding#1']).tobytes() for weights in seen}) == 3


def test_the_step_is_compiled_once() -> None:
    loss, traces = traced_loss()
    examples = batches()
    trainer = trainer_over(small(), examples, loss=loss)
    list(trainer.run(2 * len(examples) + 3, log_every=5))
    assert len(traces) == 1, 'fresh state, read metrics and new epochs must not compile anew'


# -------------------------------------------------------------------------------------- carry


def test_windows_with_carry_are_one_long_pass() -> None:
    ids = data.ByteVocabulary().encode(TEXT)[:64].reshape(2, 32)
    model = small(2)
    model.init(tl.ShapeDtype((2, 32), np.int32), 3)
    whole = float(tl.CrossEntropyLoss()((model(ids), ids, np.ones(ids.shape))))
    history = retrax.fit(model, batches(TEXT[:64], 2, 8), 4, optimizer=optax.sgd(0.0), log_every=4)
    assert history.losses[0] == pytest.approx(whole, rel=1e-6)
    found = retrax.evaluate(model, batches(TEXT[:64], 2, 8))
    assert found.nats_per_token == pytest.approx(whole, rel=1e-6)


def test_a_new_epoch_starts_from_the_initial_state() -> None:
    model, examples = small(), batches(TEXT[:64], 2, 8)
    history = retrax.fit(model, examples, 8, optimizer=optax.sgd(0.0), log_every=4)
    assert history.losses[0] == history.losses[1]


def test_no_gradient_crosses_the_window() -> None:
    """One step with carry has the gradient of a loss whose incoming state is a constant."""
    model, examples = small(), batches(TEXT[:64], 2, 8)
    trainer = trainer_over(model, examples, optax.sgd(1.0))
    list(trainer.run(1))
    before, state = jax.tree.map(jnp.copy, (trainer.state.weights, trainer.state.model_state))
    list(trainer.run(2))
    view = model.as_mode('train').with_carry()
    batch = examples[1]

    def loss(weights):
        outputs = view.pure_fn(batch.tokens, weights, state, None)[0]
        return tl.CrossEntropyLoss()((outputs, batch.tokens, batch.weights))

    gradient = jax.grad(loss)(before)
    expected = jax.tree.map(lambda w, g: w - g, before, gradient)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6),
        trainer.state.weights,
        expected,
    )


# ----------------------------------------------------------------------------- what goes wrong


def test_a_bad_loss_stops_and_keeps_the_weights_before_it() -> None:
    examples = [(np.ones((1, 1), np.float32), np.full((1, 1), y, np.float32)) for y in (1, 2, 3)]
    examples += [(np.full((1, 1), np.nan, np.float32), np.ones((1, 1), np.float32))]
    squared = tl.Fn('Squared', lambda out, target, weight: jnp.sum((out - target) ** 2))

    def train(steps):
        model = tl.Dense(1, use_bias=False)
        try:
            retrax.fit(model, examples, steps, optimizer=optax.sgd(0.1), loss=squared)
        finally:
            weights.append(float(model.weights[0, 0]))

    weights: list[float] = []
    train(3)
    with pytest.raises(training.DivergedError, match=r'^step 4: input 1 of the batch is NaN, the'):
        train(20)
    assert weights[0] == weights[1]


@pytest.fixture
def ctrl_c_raises() -> Iterator[None]:
    """Python's own handler, also where what started the tests ignores SIGINT."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures('ctrl_c_raises')
def test_ctrl_c_leaves_the_model_with_its_newest_weights() -> None:
    model, steps = small(), []

    def stop(progress):
        steps.append(progress.step)
        if progress.step == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        retrax.fit(model, batches(), 100, log_every=1, callback=stop)
    stopped = model.named_weights()
    other = small()
    retrax.fit(other, batches(), 3)
    assert steps == [1, 2, 3]
    for path, array in other.named_weights().items():
        np.testing.assert_array_equal(array, stopped[path])


@pytest.mark.usefixtures('ctrl_c_raises')
def test_ctrl_c_waits_for_the_end_of_a_step() -> None:
    done = []

    def step():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        step()
    assert done
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


# ---------------------------------------------------------------------------------- evaluation


def test_evaluation_counts_every_token_once() -> None:
    text = TEXT[:101]  # streams of different lengths, and padding
    model = small()
    model.init(tl.ShapeDtype((1, 1), np.int32))
    found = retrax.evaluate(model, text, batch_size=3, window=8)
    ids = data.ByteVocabulary().encode(text)
    streams = [ids[:34], ids[34:68], ids[68:]]
    nats = 0.0
    for stream in streams:
        log_probs = np.asarray(model.as_mode('eval')(stream[None]), np.float64)
        nats -= log_probs[0, np.arange(len(stream)), stream].sum()
    assert found.n_tokens == 101
    assert found.nats == pytest.approx(nats, rel=1e-6)
    assert found.bits_per_character == pytest.approx(nats / np.log(2) / 101, rel=1e-6)
    assert found.bits_per_token == pytest.approx(found.bits_per_character)


def test_evaluation_changes_nothing_and_ignores_dropout() -> None:
    model = tl.Serial(tl.ShiftRight(), tl.Embedding(256, 4), tl.Dropout(0.5), tl.Dense(256))
    model = tl.Serial(model, tl.LogSoftmax())
    model.init(tl.ShapeDtype((2, 8), np.int32))
    before = model.named_weights()
    assert retrax.evaluate(model, TEXT) == retrax.evaluate(model, TEXT)
    for path, array in model.named_weights().items():
        np.testing.assert_array_equal(array, before[path])


IDS, LABELS = np.int32([[1, 2, 3], [3, 2, 1]]), np.int32([[0, 1, 2], [2, 2, 2]])


def test_evaluation_counts_weights_as_the_loss_does() -> None:
    model = tl.Serial(tl.Embedding(4, 2), tl.Dense(3), tl.LogSoftmax())
    model.init(tl.signature(IDS))
    for weights in (np.float32([[1], [0.5]]), np.float32([1, 0, 2])):
        whole = np.broadcast_to(weights, IDS.shape).copy()
        expected = retrax.evaluate(model, [(IDS, LABELS, whole)])
        found = retrax.evaluate(model, [(IDS, LABELS, weights)])
        assert found.n_tokens == expected.n_tokens == whole.sum()
        assert found.nats == pytest.approx(expected.nats, rel=1e-6)


def test_labels_of_two_inputs_have_weights_of_1() -> None:
    embeddings = tl.Parallel(tl.Embedding(4, 2), tl.Embedding(4, 2))
    model = tl.Serial(embeddings, tl.Add(), tl.Dense(3), tl.LogSoftmax())
    model.init(tl.signature((IDS, IDS)))
    expected = retrax.evaluate(model, [((IDS, IDS), LABELS)])
    assert expected.n_tokens == 6
    for loss in (None, tl.CategoryCrossEntropy()):
        found = retrax.evaluate(model, [(IDS, IDS, LABELS)], loss=loss)
        assert (found.n_tokens, found.nats) == (6, pytest.approx(expected.nats))
    history = retrax.fit(model, [(IDS, IDS, LABELS)], 1)
    assert history.losses[0] == pytest.approx(expected.nats_per_token)


def test_a_perplexity_that_no_float_holds_is_infinite() -> None:
    found = training.Evaluation(nats=3000.0, n_tokens=3.0)
    assert found.perplexity == training.PairTask().figure_of(found) == np.inf
    assert training.Evaluation(3.0, 3.0).perplexity == pytest.approx(np.e)


def test_evaluation_of_nothing() -> None:
    model = small()
    model.init(tl.ShapeDtype((2, 8), np.int32))
    with pytest.raises(ValueError, match='given no batches'):
        retrax.evaluate(model, [])
    nothing = np.ones((2, 8), np.int32), np.ones((2, 8), np.int32), np.zeros((2, 8), np.float32)
    with pytest.raises(ValueError, match='every weight is 0'):
        retrax.evaluate(model, [nothing])
    with pytest.raises(ValueError, match='needs n_characters'):
        _ = retrax.evaluate(model, [np.ones((2, 8), np.int32)]).bits_per_character


# ---------------------------------------------------------------------------------- optimizers


@pytest.mark.parametrize('optimizer', [training.Adam, training.AdamW, training.SGD])
def test_clipping(optimizer) -> None:
    """A clipped gradient gives the update of the same gradient scaled down to the norm."""
    gradient = {'a': jnp.array([3.0, 0.0]), 'b': jnp.array([4.0])}  # norm 5
    scaled = jax.tree.map(lambda g: g / 5 * 0.5, gradient)
    weights = jax.tree.map(jnp.ones_like, gradient)

    def update(clip_norm, gradient):
        made = optimizer(0.1, clip_norm=clip_norm)
        return made.update(gradient, made.init(weights), weights)[0]

    clipped, expected = update(0.5, gradient), update(None, scaled)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), clipped, expected)
    with pytest.raises(ValueError, match='clip_norm must be positive'):
        optimizer(0.1, clip_norm=0)


def test_adam_is_its_formula() -> None:
    rate, b1, b2, eps, gradients = 0.1, 0.8, 0.9, 1e-3, [1.5, -0.5, 2.0]
    made = training.Adam(rate, b1, b2, eps)
    weight = jnp.zeros(())
    state = made.init(weight)
    expected, m, v = 0.0, 0.0, 0.0
    for t, g in enumerate(gradients, start=1):
        update, state = made.update(jnp.asarray(g), state, weight)
        weight = optax.apply_updates(weight, update)
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        expected -= rate * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + eps)
    assert float(weight) == pytest.approx(expected, rel=1e-6)


def test_cosine_decay() -> None:
    schedule = training.CosineDecay(2.0, steps=110, warmup_steps=10, final=0.5)
    for step, expected in [(0, 0), (5, 1), (10, 2), (60, 1.25), (110, 0.5), (1000, 0.5)]:
        assert float(schedule(step)) == pytest.approx(expected, abs=1e-6)
    assert float(training.CosineDecay(2.0, 10)(0)) == 2
    with pytest.raises(ValueError, match='must be shorter'):
        training.CosineDecay(1.0, 10, 10)
