"""Sampling from a model in eval mode, as Trax can: the whole text goes through it for each token.

It takes any model, also one that cannot step, and the time of a token grows with the text.
"""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...combinators import as_key
from ...decoding import options
from ...decoding.sampling import sample, token_keys

_WHO = 'autoregressive_sample'


def columns(
    model: Any,
    inputs: Any,
    batch_size: int,
    temperature: float,
    start_id: Any,
    min_length: int,
    seed: Any,
) -> Iterator[np.ndarray]:
    """Yields the next token of each row, (batch,), without end.

    Texts are padded to powers of two, and to min_length at least, so that few sizes are compiled.
    A model of several inputs reads `inputs` as its first, the text as its second, and gives scores
    as its first output; any other goes on from `inputs`. The noise is that of `generate`.

    Raises:
      FloatingPointError: the model gave NaN.
      ValueError: the temperature is none.
    """
    view, key, several = model.as_mode('eval').with_carry(False), as_key(seed), model.n_in > 1
    (temperature,) = options.per_row(temperature, 'temperature', options.TEMPERATURE, 1, _WHO)
    made = np.zeros((batch_size, 0), np.int32) if several or inputs is None else inputs
    shifts = view.start_id is not None  # then the scores of a token are at its own place
    text = made if shifts else np.concatenate([start_id, made], axis=1)
    position = made.shape[1]
    while True:
        n = text.shape[1]
        size = 1 << (max(min_length, n + 1) - 1).bit_length()
        padded = np.pad(text, [[0, 0], [0, size - n]])
        scores = view((inputs, padded)) if several else view(padded)
        scores = scores[0] if isinstance(scores, tuple) else scores
        chosen, is_right = draw(scores, n if shifts else n - 1, temperature, key, position)
        check(is_right, position)
        yield np.asarray(chosen)
        text = np.concatenate([text, chosen[:, None]], axis=1)
        position += 1


@jax.jit
def draw(
    scores: jax.Array, place: Any, temperature: Any, key: jax.Array, position: Any
) -> tuple[jax.Array, jax.Array]:
    """Returns the token of each row from its scores at a place, and whether they can be right."""
    scores = scores[:, place]
    rows = jnp.arange(len(scores), dtype=jnp.uint32)
    keys = token_keys(key, rows, position)
    return sample(scores, temperature, keys), jnp.isfinite(scores.max(axis=-1))


def check(is_right: jax.Array, position: int) -> None:
    """Raises FloatingPointError if the scores of a row were not right."""
    if not is_right.all():
        raise FloatingPointError(
            f'{_WHO}: the scores of row {int(is_right.argmin())} for token '
            f'{position} have no finite maximum; look at the weights of the model'
        )
