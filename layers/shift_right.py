"""ShiftRight: a sequence becomes the input from which it is predicted."""

import jax.numpy as jnp

from ..combinators import Layer, mismatch, same_numbers
from .checks import positive, same_batch


class ShiftRight(Layer):
    """Moves a sequence n_positions to the right: y_t = x_(t-n), and y_t = start_id for t < n.

    In predict it is the identity: the decoder feeds the start id and then its own outputs.

    >>> import jax.numpy as jnp
    >>> ShiftRight()(jnp.array([[1, 2, 3], [4, 5, 6]])).tolist()
    [[0, 1, 2], [0, 4, 5]]

    Shapes: x (b, t, ...) -> the same, and the same dtype.

    Args:
      n_positions: how far to move.
      mode: as for every layer.
      start_id: what comes before the sequence.

    State: with carry, the last n_positions inputs (b, n_positions, ...).

    Raises:
      ValueError: n_positions is not a positive int, or x has no time axis.

    Source: Trax 1.4.1, trax.layers.attention.ShiftRight.
    """

    has_memory = True

    def __init__(self, n_positions: int = 1, mode: str | None = None, start_id: int = 0):
        super().__init__(name=f'ShiftRight({n_positions})', mode=mode)
        self._n_positions = positive(n_positions, 'ShiftRight: n_positions')
        self._start_id = start_id

    @property
    def start_id(self):
        """The id to feed before the first token; None if one is not enough."""
        return self._start_id if self._n_positions == 1 else None

    @property
    def shift(self):
        """How many places it moves its input."""
        return self._n_positions

    def _start(self, shape, dtype):
        return jnp.full((shape[0], self._n_positions, *shape[2:]), self._start_id, dtype)

    def state_fn(self, signature, context):
        if context.mode == 'predict' or not context.carry:
            return ()
        _check_rank(signature)
        return self._start(signature.shape, signature.dtype)

    def apply_fn(self, x, weights, state, context):
        if context.mode == 'predict':
            return x, state
        _check_rank(x)
        n = self._n_positions
        before = state if context.carry else self._start(x.shape, x.dtype)
        same_batch(before, x)
        longer = jnp.concatenate([before, x], axis=1)
        shifted = same_numbers(longer[:, : x.shape[1]], x)
        return shifted, longer[:, -n:] if context.carry else state


def _check_rank(x):
    if len(x.shape) < 2:
        raise mismatch(
            'the input',
            '(batch, time, ...)',
            f'shape {tuple(x.shape)}',
            'Add the batch axis: x[None].',
        )
