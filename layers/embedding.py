"""Embedding: ids become vectors."""

import jax.numpy as jnp

from ..combinators import Layer, in_range, mismatch
from .checks import positive
from .initializers import Initializer, ScaledInitializer


class Embedding(Layer):
    """Looks up a row of a table for each id: y = table[x].

    An id outside of the table is an error where ids are an input of the model, shifted or not; in
    code that the user compiles, and behind other layers, it is clipped to the edge of the table.

    Shapes: x (...) of ints -> (..., d_feature).

    Args:
      vocab_size: how many rows the table has.
      d_feature: the size of a row.
      kernel_initializer: makes the table; uniform with variance 1 / d_feature by default.

    Weights: the table (vocab_size, d_feature).

    Raises:
      ValueError: a size is not a positive int; ids are not integers, or not in the table.

    Source: Trax 1.4.1, trax.layers.core.Embedding.
    """

    def __init__(
        self,
        vocab_size: int,
        d_feature: int,
        kernel_initializer: Initializer = ScaledInitializer(
            out_dim=-1, in_dim=-2, scale=1.0, mode='fan_out', distribution='uniform'
        ),
    ):
        super().__init__(name=f'Embedding_{vocab_size}_{d_feature}')
        self._vocab_size = positive(vocab_size, 'Embedding: vocab_size')
        self._d_feature = positive(d_feature, 'Embedding: d_feature')
        self._kernel_initializer = kernel_initializer

    def weights_fn(self, signature, context):
        shape = (self._vocab_size, self._d_feature)
        return self._kernel_initializer(shape, context.key())

    def apply_fn(self, x, weights, state, context):
        if not jnp.issubdtype(x.dtype, jnp.integer):
            raise mismatch(
                'ids',
                'integers',
                x.dtype,
                'Convert them: x.astype(np.int32), or ShapeDtype(shape, np.int32).',
            )
        in_range(x, 0, weights.shape[0] - 1, 'ids')
        return jnp.take(weights, x, axis=0, mode='clip'), state
