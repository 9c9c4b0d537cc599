"""Embedding: ids become vectors."""

import jax.core
import jax.numpy as jnp
import numpy as np

from ..combinators import Layer, mismatch
from .checks import positive
from .initializers import Initializer, ScaledInitializer


class Embedding(Layer):
    """Looks up a row of a table for each id: y = table[x].

    An id outside of the table is clipped to its edge, as compiled code can raise nothing; ids are
    checked where text becomes ids and where a prompt is given.

    Shapes: x (...) of ints -> (..., d_feature).

    Args:
      vocab_size: how many rows the table has.
      d_feature: the size of a row.
      kernel_initializer: makes the table; uniform with variance 1 / d_feature by default.

    Weights: the table (vocab_size, d_feature).

    Raises:
      ValueError: a size is not a positive int; ids are not integers; ids are not in the table,
        where `pure_fn` runs op by op on real ids. `model(ids)` runs compiled, so there they clip.

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
        if not isinstance(x, jax.core.Tracer):
            ids = np.asarray(x)
            if ids.size and (ids.min() < 0 or ids.max() >= weights.shape[0]):
                raise mismatch('ids', f'0 to {weights.shape[0] - 1}', f'{ids.min()} to {ids.max()}')
        return jnp.take(weights, x, axis=0, mode='clip'), state
