"""FilterResponseNorm: each channel of each image by its root mean square."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..combinators import Layer, mismatch
from .checks import width


class FilterResponseNormWeights(NamedTuple):
    """Weights of FilterResponseNorm for c channels."""

    gamma: jax.Array  # (c,), ones at first
    beta: jax.Array  # (c,), zeros at first
    epsilon: Any  # (1,) where it is learned, else ()


class FilterResponseNorm(Layer):
    """Divides each channel by its root mean square over all positions of the same row.

        y = gamma x / sqrt(mean(x^2) + epsilon) + beta

    Positions are all axes but the first and last, so it sees a whole sequence at once.

    Shapes: x (b, ..., c) -> the same.

    Args:
      learn_epsilon: whether epsilon is init_epsilon + |a learned number|.
      init_epsilon: epsilon, or its lower bound.
      init_learnt_epsilon: the learned number at first.

    Raises:
      ValueError: an epsilon is not positive, or x has no positions.

    Source: Singh and Krishnan 2019, arXiv 1911.09737, equations 1 to 4; Trax 1.4.1,
    trax.layers.normalization.FilterResponseNorm.
    """

    is_causal = False

    def __init__(
        self,
        mode: str | None = None,
        learn_epsilon: bool = False,
        init_epsilon: float = 1e-6,
        init_learnt_epsilon: float = 1e-4,
    ):
        super().__init__(mode=mode)
        if min(init_epsilon, init_learnt_epsilon) <= 0:
            raise ValueError(
                'FilterResponseNorm: init_epsilon and init_learnt_epsilon must be positive, got '
                f'{init_epsilon} and {init_learnt_epsilon}'
            )
        self._learn_epsilon = learn_epsilon
        self._init_epsilon, self._init_learnt_epsilon = init_epsilon, init_learnt_epsilon

    def weights_fn(self, signature, context):
        c = width(signature)
        gamma, beta = jnp.ones(c, jnp.float32), jnp.zeros(c, jnp.float32)
        learned = jnp.full((1,), self._init_learnt_epsilon, jnp.float32)
        return FilterResponseNormWeights(gamma, beta, learned if self._learn_epsilon else ())

    def apply_fn(self, x, weights, state, context):
        if len(x.shape) < 3:
            raise mismatch('the input', '(batch, positions ..., channels)', f'shape {x.shape}')
        gamma, beta, learned = weights
        epsilon = self._init_epsilon + (jnp.abs(learned[0]) if self._learn_epsilon else 0.0)
        positions = tuple(range(1, len(x.shape) - 1))
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        square = jnp.mean(jnp.square(wide), axis=positions, keepdims=True)
        return gamma * wide * jax.lax.rsqrt(square + epsilon) + beta, state
