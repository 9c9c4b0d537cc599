"""trax.fastmath.random: jax.random under Trax's names. A key is two numbers, as in Trax."""

import jax
from jax.random import bernoulli, fold_in, normal, randint, split, uniform


def get_prng(seed: int) -> jax.Array:
    """Returns the key of a seed."""
    return jax.random.PRNGKey(seed)


__all__ = ['bernoulli', 'fold_in', 'get_prng', 'normal', 'randint', 'split', 'uniform']
