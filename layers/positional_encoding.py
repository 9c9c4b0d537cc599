"""PositionalEncoding: a vector for each place of a sequence is added to what stands there."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..combinators import Layer, declare, in_range, mismatch
from ..kernels import dot
from .checks import positive, rate, same_batch, width
from .initializers import GlorotUniformInitializer


class PositionalEncodingWeights(NamedTuple):
    """Weights of a PositionalEncoding whose vectors are narrower or wider than the input."""

    table: jax.Array  # (max_len, d_feature)
    ff: jax.Array  # (d_feature, d)


class PositionalEncoding(Layer):
    """Adds a learned vector for each place: y_t = x_t + table_t.

    The table begins as sin(t / 10000^(2 i / d)) at feature 2 i and the cosine at 2 i + 1.

    In predict and with carry it goes on from the place of the last call, each row from its own.
    Behind the table's end `model(x)` raises; code that the user compiles, and decoding, cannot: the
    outputs are NaN there, and `generate` and training stop.

    Shapes: x (b, t, d) -> the same, and the same dtype.

    Args:
      max_len: how many places there are.
      dropout: the probability of leaving out features of the table in train.
      dropout_broadcast_dims: axes of (1, t, d) along which all share their fate.
      use_bfloat16: keeps the table in bfloat16.
      start_from_zero_prob: the probability that a sequence begins at place 0 in train.
      max_offset_to_add: where it does not, it begins at one of this many places.
      d_feature: the width of the table, where it is another than d; a matrix maps it to d.
      mode: as for every layer.

    Weights: the table (max_len, d), or PositionalEncodingWeights(table, ff).

    State: in predict and with carry, the place of each row's next step (b,) int32.

    Raises:
      ValueError: a sequence longer than max_len, or than what an offset leaves of it; x is not
        (batch, time, features); the state is of another batch.

    Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.5; Trax 1.4.1,
    trax.layers.attention.PositionalEncoding, which in predict has one place for all rows.
    """

    has_memory = True

    def __init__(
        self,
        max_len: int = 2048,
        dropout: float = 0.0,
        dropout_broadcast_dims: Sequence[int] = (-2,),
        use_bfloat16: bool = False,
        start_from_zero_prob: float = 1.0,
        max_offset_to_add: int = 0,
        d_feature: int | None = None,
        mode: str | None = None,
    ):
        super().__init__(mode=mode)
        self._max_len = positive(max_len, 'PositionalEncoding: max_len')
        self._dropout = rate(dropout, 'PositionalEncoding: dropout')
        self._shared_axes = tuple(dropout_broadcast_dims)
        self._dtype = jnp.bfloat16 if use_bfloat16 else jnp.float32
        self._from_zero, self._max_offset = start_from_zero_prob, max_offset_to_add
        self._d_feature = d_feature
        declare(self, draws=('train',) if dropout or self._from_zero < 1 else False)

    @property
    def room_for_steps(self):
        return 'max_len', self._max_len

    def weights_fn(self, signature, context):
        d = width(signature)
        table = jnp.asarray(_waves(self._max_len, self._d_feature or d), self._dtype)
        if self._d_feature is None:
            return table
        ff = GlorotUniformInitializer()((self._d_feature, d), context.key('ff'))
        return PositionalEncodingWeights(table, ff)

    def state_fn(self, signature, context):
        return jnp.zeros(signature.shape[0], jnp.int32) if context.steps else ()

    def apply_fn(self, x, weights, state, context):
        offset = self._offset(context)
        self._check(x, context)
        if context.steps:
            same_batch(state, x)
            if isinstance(x.shape[1], int):
                in_range(state, 0, self._max_len - x.shape[1], 'the place of the first step', _MORE)
            start = jnp.where(state == 0, offset, state)[:, None]
            state = start[:, 0] + x.shape[1]
        else:
            start = jnp.full((1, 1), offset)
        vectors = self._vectors(start + jnp.arange(x.shape[1]), weights, context)
        return x + vectors.astype(x.dtype), state

    def _offset(self, context):
        """Returns the place of the first step of a sequence."""
        if context.mode != 'train' or self._from_zero >= 1:
            return jnp.zeros((), jnp.int32)
        start = jax.random.randint(context.key('start'), (), 0, self._max_offset)
        from_zero = jax.random.uniform(context.key('from zero')) < self._from_zero
        return jnp.where(from_zero, 0, start)

    def _vectors(self, places, weights, context):
        """Returns what is added at places (1 or b, t)."""
        table, ff = (weights, None) if self._d_feature is None else weights
        vectors = jnp.take(table, places, axis=0, mode='fill', fill_value=jnp.nan)
        if ff is not None:
            vectors = dot(vectors.astype(ff.dtype), ff, context.precision)
        if context.mode != 'train' or self._dropout == 0:
            return vectors
        shape = [1, *vectors.shape[1:]]
        for axis in self._shared_axes:
            shape[axis] = 1
        keep = jax.random.bernoulli(context.key(), 1 - self._dropout, shape)
        return vectors * keep / (1 - self._dropout)

    def _check(self, x, context):
        if len(x.shape) != 3 or not jnp.issubdtype(x.dtype, jnp.floating):
            raise mismatch(
                'the input',
                'floats of shape (batch, time, features)',
                f'{x.dtype} of shape {x.shape}',
                'If these are ids, put an Embedding before it.',
            )
        offsets = max(self._max_offset - 1, 0) if context.mode == 'train' else 0
        room = self._max_len - (offsets if self._from_zero < 1 else 0)
        if isinstance(x.shape[1], int) and x.shape[1] > room:
            raise mismatch(
                'the number of steps',
                f'at most {room}, for max_len {self._max_len}',
                x.shape[1],
                _MORE,
            )


_MORE = 'Make the layer with a larger max_len, or the sequence shorter.'


def _waves(n, d):
    """Returns sines at even features and cosines at odd ones, of wavelengths 2 pi to 20000 pi."""
    angles = np.arange(n)[:, None] / 10000.0 ** (np.arange(0, d, 2) / d)
    waves = np.zeros((n, d), np.float32)
    waves[:, 0::2] = np.sin(angles)
    waves[:, 1::2] = np.cos(angles)[:, : d // 2]
    return waves
