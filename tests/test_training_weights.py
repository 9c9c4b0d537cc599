"""Weights that stay (frozen), and weights that are averaged."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import retrax
from retrax import configs, models, optimizers, training
from retrax import layers as tl

IDS = [np.arange(12).reshape(2, 6) % 7, (np.arange(12).reshape(2, 6) * 5) % 7]


def test_frozen_weights_stay_and_the_others_are_as_if_they_were_alone() -> None:
    """Clipping and decay too: the norm is that of the trained weights."""
    model = models.GRULM(vocab_size=7, d_model=4, n_layers=1)
    model.init(tl.ShapeDtype((2, 6), np.int32))
    before = model.named_weights()
    optimizer = optimizers.Adam(0.1, weight_decay_rate=0.1, clip_grad_norm=0.1)
    made = training.frozen(optimizer, model, 'Embedding#1', 'GRU#*.w?')
    state = made.init(model.weights)
    n_slots = len(jax.tree.leaves(optax.tree_utils.tree_get(state, 'slots')))
    frozen = {'Embedding#1', 'GRU#1.w1', 'GRU#1.w2'}
    assert frozen < set(before)
    assert n_slots == 2 * len(set(before) - frozen)
    gradients = jax.tree.map(jnp.ones_like, model.weights)
    found = jax.tree.leaves(made.update(gradients, state, model.weights)[0])
    updates = dict(zip(before, found, strict=True))
    others = {path: before[path] for path in before if path not in frozen}
    expected, _ = optimizer.update(
        jax.tree.map(jnp.ones_like, others), optimizer.init(others), others
    )
    for path, update in updates.items():
        np.testing.assert_allclose(update, expected.get(path, 0 * update), rtol=1e-6)
    retrax.fit(model, IDS, 4, optimizer=made)
    for path, array in model.named_weights().items():
        assert np.array_equal(array, before[path]) == (path in frozen), path


def test_a_pattern_that_fits_nothing_is_refused() -> None:
    model = tl.Serial(tl.Embedding(7, 4), tl.Dense(7))
    with pytest.raises(ValueError, match=r"'GRU\*' fits none of the weights \['Embedding#1"):
        retrax.fit(model, IDS, 1, optimizer=training.frozen(optax.sgd(0.1), model, 'GRU*'))


def test_the_average_is_its_formula_and_what_the_model_gets() -> None:
    x, y = np.eye(2, dtype=np.float32), np.array([[1.0], [3.0]], np.float32)
    model = tl.Dense(1, use_bias=False)
    model.init(tl.signature(x))
    w = average = np.asarray(model.weights, np.float64)
    optimizer = optimizers.Averaged(optax.sgd(0.2), 0.75)
    retrax.fit(model, [(x, y)], 5, optimizer=optimizer, loss=tl.L2Loss())
    for _ in range(5):
        w = w - 0.2 * (w - y)  # the mean of two squares
        average = 0.75 * average + 0.25 * w
    np.testing.assert_allclose(model.weights, average, rtol=1e-5)
    with pytest.raises(ValueError, match='decay must be from 0 to below 1, got 1'):
        optimizers.Averaged(optax.sgd(0.1), 1)


def test_the_average_of_weights_in_16_bits_does_not_stand_still() -> None:
    optimizer, weights = optimizers.Averaged(optax.sgd(0.0), 0.999), jnp.zeros(1, jnp.bfloat16)
    state, ones = optimizer.init(weights), jnp.ones_like(weights)
    step = jax.jit(lambda state: optimizer.update(0 * ones, state, ones)[1])
    for _ in range(1000):
        state = step(state)
    average = optimizers.averaged_weights(state, weights)
    assert average.dtype == jnp.bfloat16
    np.testing.assert_allclose(average.astype(np.float32), 1 - 0.999**1000, rtol=2**-8)


def run(folder: Path, steps: int) -> training.Loop:
    """A Loop that averages what is not frozen, made anew and run."""
    model = tl.Serial(tl.Embedding(7, 4), tl.Dense(7), tl.LogSoftmax())
    optimizer = training.frozen(optimizers.Averaged(optimizers.Adam(0.1), 0.9), model, 'Dense#1.b')
    task = training.TrainTask(
        [(ids, ids) for ids in IDS], tl.CrossEntropyLoss(), optimizer, n_steps_per_checkpoint=3
    )
    loop = training.Loop(model, task, output_dir=folder)
    loop.run(steps)
    return loop


def test_averages_go_on_bit_for_bit(tmp_path: Path) -> None:
    """The checkpoint has the weights that move, and the model has their average."""
    whole, _ = run(tmp_path / 'a', 7), run(tmp_path / 'b', 4)
    again = run(tmp_path / 'b', 4)
    assert again.step == whole.step == 7
    moving = jax.tree.leaves(whole._relay.current.state.weights)
    for (path, array), w in zip(whole.model.named_weights().items(), moving, strict=True):
        np.testing.assert_array_equal(array, again.model.named_weights()[path])
        assert np.array_equal(array, w) == (path == 'Dense#1.b')


def test_a_run_averages_and_freezes_by_its_config(tmp_path: Path) -> None:
    """What a run is loaded with is what its last evaluation had."""
    (tmp_path / 'corpus.txt').write_text('the cat sat on the mat and the dog sat on the log. ' * 20)
    config = tmp_path / 'mine.gin'
    config.write_text(f"""
        train.model = @GRULM()
        GRULM.d_model = 4
        GRULM.n_layers = 1
        train.corpus = '{tmp_path / 'corpus.txt'}'
        train.batch_size = 4
        train.window = 8
        train.steps = 3
        train.frozen = ['Embedding#1']
        train.optimizer = @Averaged()
        Averaged.optimizer = @TraxAdam()
        Averaged.decay = 0.5
    """)
    loaded = configs.load(str(config))
    experiment, text = loaded.experiment(), loaded.text
    training.train(experiment, tmp_path / 'run', text)
    model, _ = retrax.load(tmp_path / 'run')
    ours = experiment.model.named_weights()
    fresh = models.GRULM(256, 4, 1)
    fresh.init(tl.ShapeDtype((4, 8), np.int32), 0)
    for path, array in model.named_weights().items():
        np.testing.assert_array_equal(array, ours[path])
        same = np.array_equal(array, fresh.named_weights()[path])
        assert same == (path == 'Embedding#1'), path
