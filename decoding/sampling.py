"""Drawing the next token. Knows arrays and keys; knows no model.

A row's noise depends on a seed, the row's number and the token's position in the text alone, so a
text does not change with the batch it is made in, nor with how its positions fall into chunks.
"""

import jax
import jax.numpy as jnp

# No batch has this many rows: the number of the stream for layers that draw random numbers.
_LAYERS = 2**32 - 1


def sample(log_probs: jax.Array, temperature: jax.Array, keys: jax.Array) -> jax.Array:
    """Draws a token for each row from softmax(log_probs / temperature).

        token = argmax(log_probs + temperature * g),   g ~ Gumbel(0, 1)

    The argmax is that of log_probs / temperature + g, so the distribution is exactly
    categorical(log_probs / temperature); temperature 0 needs no case of its own and is the plain
    argmax, the first of equals. Scores that are no log-probabilities, such as raw logits, do as
    well: a constant added to a row changes nothing.

    Shapes: log_probs (batch, n), temperature (batch,) or (), keys (batch,) -> (batch,) int32.

    Source: Maddison et al. 2014, arXiv 1411.0030, section 2 (the Gumbel-max trick).
    """
    return pick(log_probs, temperature, gumbel(keys, log_probs.shape[-1]))


def pick(log_probs: jax.Array, temperature: jax.Array, noise: jax.Array) -> jax.Array:
    """Does `sample` with noise that was drawn before."""
    scale = jnp.broadcast_to(temperature, log_probs.shape[:1])[:, None]
    return jnp.argmax(log_probs.astype(jnp.float32) + scale * noise, axis=-1).astype(jnp.int32)


def gumbel(keys: jax.Array, n: int) -> jax.Array:
    """Draws n standard Gumbel numbers for each key."""
    return jax.vmap(lambda key: jax.random.gumbel(key, (n,), jnp.float32))(keys)


def token_keys(key: jax.Array, row_ids: jax.Array, positions: jax.Array) -> jax.Array:
    """Returns the key of the token at a position, one for each row; (batch,), (batch,) or ()."""
    fold = jax.random.fold_in
    positions = jnp.broadcast_to(positions, row_ids.shape)
    return jax.vmap(lambda row, position: fold(fold(key, row), position))(row_ids, positions)


def layer_keys(key: jax.Array, row_ids: jax.Array, positions: jax.Array) -> jax.Array:
    """Returns the key that a model that draws is given for each row, from a position on."""
    return token_keys(jax.random.fold_in(key, _LAYERS), row_ids, positions)
