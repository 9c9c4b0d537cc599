"""Trax's optimizers and schedules: recorded numbers of Trax, optax, and what is refused."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tolerances import assert_close, assert_same_kind

from retrax import optimizers
from retrax.interop.trax.optimizers import l2_norm

FOLDER = Path(__file__).parent / 'golden' / 'training'
CASES = json.loads((FOLDER / 'optimizers.json').read_text(encoding='utf-8'))
ARRAYS = dict(np.load(FOLDER / 'optimizers.npz'))
MADE = {
    'Adam': lambda: optimizers.Adam(0.01),
    'Adam_clip': lambda: optimizers.Adam(0.01, clip_grad_norm=0.05),
    'Adafactor': optimizers.Adafactor,
    'Adafactor_momentum': lambda: optimizers.Adafactor(do_momentum=True, beta1=0.9),
    'SGD': lambda: optimizers.SGD(0.1),
    'Momentum': lambda: optimizers.Momentum(0.1),
    'RMSProp': lambda: optimizers.RMSProp(0.01),
    'SM3': optimizers.SM3,
}
SCHEDULES = {
    'constant': lambda: optimizers.constant(0.3),
    'warmup': lambda: optimizers.warmup(100, 0.01),
    'warmup_and_rsqrt_decay': lambda: optimizers.warmup_and_rsqrt_decay(100, 0.01),
    'multifactor': optimizers.multifactor,
}


def test_every_recorded_case_is_tested() -> None:
    names = [f'opt_{name}_from{first}' for name in MADE for first in (0, 1)]
    assert set(CASES) == {*names, *(f'lr_{name}' for name in SCHEDULES)}


@pytest.mark.parametrize('first', [0, 1])
@pytest.mark.parametrize('name', MADE)
def test_two_steps_are_those_of_trax(name: str, first: int) -> None:
    case = f'opt_{name}_from{first}'
    weights = ARRAYS[f'{case}/w0'], ARRAYS[f'{case}/w1']
    optimizer = MADE[name]()
    state = optax.tree_utils.tree_set(optimizer.init(weights), step=jnp.asarray(first, jnp.int32))
    step = jax.jit(optimizer.update)
    for i in range(2):
        gradients = ARRAYS[f'{case}/g{i}_0'], ARRAYS[f'{case}/g{i}_1']
        assert_close(l2_norm(gradients), ARRAYS[f'{case}/step{i}_gradients_l2'])
        assert_close(l2_norm(weights), ARRAYS[f'{case}/step{i}_weights_l2'])
        updates, state = step(gradients, state, weights)
        weights = optax.apply_updates(weights, updates)
        assert_close(weights, (ARRAYS[f'{case}/step{i}_w0'], ARRAYS[f'{case}/step{i}_w1']))
        slots = jax.tree.leaves(optax.tree_utils.tree_get(state, 'slots'))
        expected = [ARRAYS[f'{case}/step{i}_slot{k}'] for k in range(len(slots))]
        assert f'{case}/step{i}_slot{len(slots)}' not in ARRAYS
        assert_close(slots, expected)


@pytest.mark.parametrize('traced', [False, True])
@pytest.mark.parametrize('name', SCHEDULES)
def test_schedules_are_those_of_trax(name: str, traced: bool) -> None:
    schedule: Any = SCHEDULES[name]()
    if traced:
        schedule = jax.jit(schedule)
    found = [float(schedule(step)) for step in CASES[f'lr_{name}']['steps']]
    np.testing.assert_allclose(found, CASES[f'lr_{name}']['values'], rtol=1e-6)


@pytest.mark.parametrize(
    ('factor', 'step', 'expected'),
    [
        ('two_constants', 9999, 0.1),
        ('two_constants', 10000, 0.01),
        ('rsqrt_normalized_decay', 1600, 0.5),
        ('decay_every', 40001, 0.25),
        ('cosine_decay', 50400, 0.5),
        ('cosine_decay', 100400, 1.0),
        ('linear_warmup * constant', 200, 0.05),
    ],
)
def test_factors(factor: str, step: int, expected: float) -> None:
    assert optimizers.multifactor(factor)(step) == pytest.approx(expected)
    assert optimizers.multifactor(factor, minimum=7)(step) == 7


def test_schedules_that_are_none() -> None:
    with pytest.raises(ValueError, match=r"unknown factors \['constnt'\]; there are constant, two"):
        optimizers.multifactor('constnt * linear_warmup')


def run(optimizer: optax.GradientTransformation, n_steps: int = 5) -> Any:
    """Weights after some steps on recorded gradients, and the state."""
    case = 'opt_Adam_from0'
    weights = ARRAYS[f'{case}/w0'], ARRAYS[f'{case}/w1'], jnp.asarray(0.5)
    state = optimizer.init(weights)
    for i in range(n_steps):
        gradients = ARRAYS[f'{case}/g{i % 2}_0'], ARRAYS[f'{case}/g{i % 2}_1'], jnp.asarray(0.1)
        updates, state = optimizer.update(gradients, state, weights)
        weights = optax.apply_updates(weights, updates)
    return weights, state


@pytest.mark.parametrize(
    ('ours', 'theirs'),
    [
        (optimizers.SGD(0.1), optax.sgd(0.1)),
        (optimizers.Adam(0.1, 0.0, eps=1e-8), optax.adam(0.1)),
        (optimizers.Momentum(0.1, weight_decay_rate=0.0), optax.sgd(0.1, 0.9, nesterov=True)),
        (optimizers.Momentum(0.1, 0.9, 0.0, nesterov=False), optax.sgd(0.1, 0.9)),
        (optimizers.RMSProp(0.1), optax.rmsprop(0.1, eps_in_sqrt=False, initial_scale=1.0)),
        (
            optimizers.SGD(optax.linear_schedule(0.0, 1.0, 10)),
            optax.sgd(optax.linear_schedule(0.0, 1.0, 10)),
        ),
    ],
    ids=['SGD', 'Adam', 'Nesterov', 'Momentum', 'RMSProp', 'schedule'],
)
def test_where_optax_means_the_same_it_computes_the_same(ours, theirs) -> None:
    assert_close(run(ours)[0], run(theirs)[0])


def test_the_learning_rate_is_in_the_state_and_may_be_set() -> None:
    optimizer = optimizers.Adam(0.1, 0.0, clip_grad_norm=1.0)
    weights, gradients = jnp.ones(3), jnp.ones(3)
    state = optimizer.init(weights)
    full, _ = optimizer.update(gradients, state, weights)
    half = optax.tree_utils.tree_set(state, learning_rate=jnp.float32(0.05))
    assert_close(optimizer.update(gradients, half, weights)[0], full / 2)


def test_sm3_grafts_the_norm_of_adagrad() -> None:
    """b < 1: the direction is that of the averaged moments, the norm that of their sum."""
    weights, g = jnp.zeros((2, 3)), jnp.arange(1.0, 7.0).reshape(2, 3)
    optimizer = optimizers.SM3(1.0, 0.0, 0.5)
    updates, state = optimizer.update(g, optimizer.init(weights), weights)
    np.testing.assert_allclose(updates, -jnp.ones((2, 3)), rtol=1e-6)  # g / |g|, both times
    updates, _ = optimizer.update(g, state, weights)
    rows, columns = np.array([9.0, 36.0]), np.array([16.0, 25.0, 36.0])
    cover = np.minimum(rows[:, None], columns)
    averaged = np.asarray(g) / np.sqrt(0.5 * cover / 2 + 0.5 * np.asarray(g) ** 2)
    summed = np.asarray(g) / np.sqrt(cover + np.asarray(g) ** 2)
    expected = averaged * np.linalg.norm(summed) / np.linalg.norm(averaged)
    np.testing.assert_allclose(updates, -expected, rtol=1e-5)


@pytest.mark.parametrize('kind', optimizers.MomentumType)
def test_sm3_has_three_kinds_of_momentum(kind) -> None:
    optimizer = optimizers.SM3(1.0, 0.5, momentum_type=kind)
    weight = jnp.zeros(1)
    state = optimizer.init(weight)
    moved = []
    for _ in range(2):  # gradients scale to 1 and to 1 / sqrt(2)
        update, state = optimizer.update(jnp.ones(1), state, weight)
        moved.append(-float(update[0]))
    second = 0.5**0.5
    expected = {
        optimizers.MomentumType.EMA: [0.5, 0.25 + second / 2],
        optimizers.MomentumType.HEAVY_BALL: [1.0, 0.5 + second],
        optimizers.MomentumType.NESTEROV: [1.5, 0.25 + 1.5 * second],
    }
    np.testing.assert_allclose(moved, expected[kind], rtol=1e-6)


def test_adafactor_decays_less_and_less() -> None:
    optimizer = optimizers.Adafactor(0.0, weight_decay_rate=0.1, weight_decay_n_steps=2)
    weight = jnp.ones(2)
    state = optimizer.init(weight)
    for decay in (0.1, 0.05, 0.0):
        update, state = optimizer.update(weight, state, weight)
        np.testing.assert_allclose(update, -decay * np.ones(2), rtol=1e-6)


def test_bfloat16_stays() -> None:
    """Of weights, and of all that is remembered: a state fits where the state before it did."""
    weights = jnp.ones((2, 2), jnp.bfloat16), jnp.ones(3, jnp.bfloat16)
    for make in MADE.values():
        optimizer = make()
        before = optimizer.init(weights)
        updates, after = optimizer.update(weights, before, weights)
        assert all(update.dtype == jnp.bfloat16 for update in updates)
        assert_same_kind(after, before)
    state = optimizers.Adafactor(do_momentum=True, momentum_in_bfloat16=True).init(jnp.ones(3))
    assert state.slots[0][-1].dtype == jnp.bfloat16


def test_what_is_refused() -> None:
    with pytest.raises(ValueError, match='norm must be positive, got 0'):
        optimizers.Clipped(optax.sgd(0.1), 0)
    with pytest.raises(ValueError, match='batches must be positive, got 0'):
        optimizers.Accumulated(optax.sgd(0.1), 0)
    with pytest.raises(ValueError, match='learning_rate must not be negative, got -1'):
        optimizers.Adam(-1)
    with pytest.raises(ValueError, match='clip_grad_norm must be positive, or None, got 0'):
        optimizers.SGD(clip_grad_norm=0)
    optimizer = optimizers.SGD()
    with pytest.raises(ValueError, match=r'needs the weights: update\(gradients, state, weights\)'):
        optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)))
