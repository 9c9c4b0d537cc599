"""Categories: ids as vectors, scores as log-probabilities, and samples from these."""

import itertools
from typing import Any

import jax
import jax.core
import jax.numpy as jnp

from ..combinators import as_key

_calls = itertools.count()


def one_hot(x: Any, n_categories: int, dtype: Any = jnp.float32) -> jax.Array:
    """Returns vectors that are 1 at the index x and 0 elsewhere; all 0 for an index out of range.

    Shapes: x (...) of ints -> (..., n_categories).
    """
    x = jnp.asarray(x)
    if jnp.issubdtype(x.dtype, jnp.integer) and x.dtype.itemsize < 4:
        x = x.astype(jnp.int32)  # categories are counted in x's dtype, in 8 bits again from 0
    return jax.nn.one_hot(x, n_categories, dtype=dtype)


def log_softmax(x: Any, axis: int = -1) -> jax.Array:
    """Returns log-probabilities: x - log(sum(exp(x))) along an axis, stable for large x."""
    return jax.nn.log_softmax(jnp.asarray(x, jnp.result_type(x, float)), axis=axis)


def logsoftmax_sample(log_probs: Any, temperature: float = 1.0, rng: Any = None) -> jax.Array:
    """Draws an index along the last axis from exp(log_probs), sharpened by a temperature below 1.

        argmax(log_probs + temperature * g), g from a standard Gumbel distribution

    Temperature 0 gives the likeliest index.

    Args:
      log_probs: log-probabilities; unnormalised ones will do at temperature 1 and 0.
      temperature: from 0 up.
      rng: a key or an int. Without one, the n-th call of the process draws with the n-th key of
        seed 0: a program that runs again gives the same samples.

    Raises:
      ValueError: no rng inside compiled code, where every run would draw the same.

    Source: Gumbel 1954; Maddison et al. 2014, arXiv 1411.0030, section 2; Trax 1.4.1,
    trax.layers.core.logsoftmax_sample, which draws from NumPy's global generator.
    """
    log_probs = jnp.asarray(log_probs, jnp.promote_types(jnp.result_type(log_probs), jnp.float32))
    if rng is None:
        if isinstance(log_probs, jax.core.Tracer):
            raise ValueError(
                'logsoftmax_sample: expected rng=..., a key, inside compiled code; without one '
                'every run of the program would draw the same'
            )
        rng = jax.random.fold_in(as_key(0), next(_calls))
    noise = jax.random.gumbel(as_key(rng), log_probs.shape, log_probs.dtype)
    return jnp.argmax(log_probs + temperature * noise, axis=-1)
