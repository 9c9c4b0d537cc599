"""Drawing one token: the distribution, and what the noise depends on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrax.decoding import sample
from retrax.decoding.prefill import LONGEST, pieces
from retrax.decoding.sampling import layer_keys, token_keys

LOG_PROBS = np.log(np.array([0.4, 0.25, 0.2, 0.1, 0.04, 0.01], np.float32))


def keys(n: int, seed: int = 0) -> jax.Array:
    return jax.random.split(jax.random.PRNGKey(seed), n)


def rows(n: int) -> jax.Array:
    return jnp.broadcast_to(LOG_PROBS, (n, len(LOG_PROBS)))


@pytest.mark.parametrize('temperature', [0.5, 1.0, 2.0])
def test_distribution(temperature: float) -> None:
    n = 20_000
    drawn = np.asarray(sample(rows(n), jnp.float32(temperature), keys(n)))
    expected = np.exp(LOG_PROBS.astype(np.float64) / temperature)
    expected *= n / expected.sum()
    counts = np.bincount(drawn, minlength=len(expected))
    chi_square = ((counts - expected) ** 2 / expected).sum()
    assert chi_square < 25.7  # 5 degrees of freedom: exceeded once in 10,000


def test_equals_categorical_of_the_same_key() -> None:
    n, temperature = 1000, 0.7
    drawn = sample(rows(n), jnp.float32(temperature), keys(n))
    other = jax.vmap(lambda key: jax.random.categorical(key, LOG_PROBS / temperature))(keys(n))
    np.testing.assert_array_equal(drawn, other)


def test_temperature_zero_is_the_first_argmax() -> None:
    scores = jnp.array([[0.0, 3.0, 3.0], [-jnp.inf, -2.0, -jnp.inf]])
    assert sample(scores, jnp.zeros(2), keys(2)).tolist() == [1, 1]


def test_raw_logits_do_as_well() -> None:
    n = 200
    np.testing.assert_array_equal(
        sample(rows(n) + 8, jnp.float32(1), keys(n)), sample(rows(n), jnp.float32(1), keys(n))
    )


def test_temperature_of_each_row() -> None:
    n = 300
    mixed = jnp.where(jnp.arange(n) % 2 == 0, 0.0, 1.0)
    drawn = np.asarray(sample(rows(n), mixed, keys(n)))
    alone = np.asarray(sample(rows(n), jnp.float32(1), keys(n)))
    assert (drawn[::2] == 0).all()
    np.testing.assert_array_equal(drawn[1::2], alone[1::2])


def test_keys_are_of_row_and_position() -> None:
    key = jax.random.PRNGKey(3)
    fold = jax.random.fold_in
    made = token_keys(key, jnp.array([4, 9], jnp.uint32), jnp.int32(7))
    np.testing.assert_array_equal(made, [fold(fold(key, 4), 7), fold(fold(key, 9), 7)])


def test_all_keys_differ() -> None:
    key = jax.random.PRNGKey(0)
    ids = jnp.arange(50, dtype=jnp.uint32)
    places = jnp.arange(40)
    tokens = jax.vmap(lambda p: token_keys(key, ids, p))(places).reshape(-1, 2)
    layers = jax.vmap(lambda p: layer_keys(key, ids, p))(places).reshape(-1, 2)
    found = np.concatenate([tokens, layers])
    assert len(np.unique(found, axis=0)) == len(found)


@pytest.mark.parametrize('length', [0, 1, 2, 31, 511, 512, 513, 1037, 5000])
def test_pieces(length: int) -> None:
    found = pieces(length)
    assert sum(found) == length
    assert all(p & (p - 1) == 0 and p <= LONGEST for p in found)
    assert found == sorted(found, reverse=True)
    assert len(set(found) - {LONGEST}) == len([p for p in found if p != LONGEST])
