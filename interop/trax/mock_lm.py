"""MockTransformerLM: a language model that is a Python function, for tests of what decodes."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import layers as tl


class MockTransformerLM(tl.Layer):
    """Gives logits of 1000 at f(what was read so far), and of 0 elsewhere.

    Like a language model it reads 0 before a text, in 'predict' as what the decoder feeds first. It
    runs compiled, on a CPU, and calls f once for each row and step.

    Shapes: x (b, t) of ids -> (b, t, vocab_size).

    Args:
      sequence_fn: takes the ids of one row so far, an array (n,), and returns the next id.
      mode: as for every layer.
      vocab_size: how many ids there are.
      max_length: how many ids predict can read; logits beyond are NaN.

    State: in predict, the ids so far (b, max_length) and how many there are (b,).

    Source: Trax 1.4.1, trax.layers.test_utils.MockTransformerLM, whose state are lists.
    """

    has_memory = True

    def __init__(
        self,
        sequence_fn: Callable[[np.ndarray], int],
        mode: str | None,
        vocab_size: int,
        max_length: int = 2048,
    ):
        super().__init__(mode=mode)
        self._sequence_fn = sequence_fn
        self._vocab_size, self._max_length = vocab_size, max_length

    @property
    def start_id(self):
        """The id that is read before a text."""
        return 0

    @property
    def shift(self):
        """How many places the ids that it reads lie before those that it gives."""
        return 1

    def state_fn(self, signature, context):
        if context.mode != 'predict':
            return ()
        b = signature.shape[0]
        return jnp.zeros((b, self._max_length), jnp.int32), jnp.zeros(b, jnp.int32)

    def apply_fn(self, x, weights, state, context):
        x = x.astype(jnp.int32)
        if context.mode != 'predict':
            read = jnp.pad(x, ((0, 0), (1, 0)))[:, :-1]
            return self._logits(read, jnp.zeros(len(x), jnp.int32), x.shape), state
        ids, n = state
        rows, places = jnp.arange(len(x))[:, None], n[:, None] + jnp.arange(x.shape[1])
        ids = ids.at[rows, places].set(x, mode='drop')
        logits = self._logits(ids, n, x.shape)
        there = (places < self._max_length)[..., None]
        return jnp.where(there, logits, jnp.nan), (ids, n + x.shape[1])

    def _logits(self, ids, n, shape):
        """Returns logits (b, t, vocab_size) after n and more of the ids in each row."""

        def symbols(ids: Any, n: Any) -> np.ndarray:
            ends = np.asarray(n)[:, None] + np.arange(1, shape[1] + 1)
            texts = zip(np.asarray(ids), ends, strict=True)
            made = [[self._sequence_fn(row[:k]) for k in ks] for row, ks in texts]
            return np.array(made, np.int32)

        promised = jax.ShapeDtypeStruct(shape, np.int32)
        found = jax.pure_callback(symbols, promised, ids, n, vmap_method='sequential')
        return 1000.0 * tl.one_hot(found, self._vocab_size)

    def assert_prediction_buffers_equal(self, expected: Any) -> None:
        """Raises AssertionError unless these are the ids that this view has read in predict."""
        ids, n = self.state
        np.testing.assert_array_equal([row[:k] for row, k in zip(ids, n, strict=True)], expected)
