"""BatchNorm: each channel gets mean 0 and variance 1 over a batch."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..combinators import Layer, declare, mismatch
from .axes import mixing


class BatchNormWeights(NamedTuple):
    """Weights of BatchNorm, with the shape of the axes that are not averaged."""

    beta: Any  # zeros at first; () without center
    gamma: Any  # ones at first; () without scale


class BatchNormState(NamedTuple):
    """Statistics of the batches that BatchNorm was trained on; averaged axes have size 1."""

    mean: jax.Array  # zeros at first
    variance: jax.Array  # ones at first
    n_batches: jax.Array  # () int32


class BatchNorm(Layer):
    """Normalises with the statistics of the batch in train, with running ones elsewhere.

        y = gamma (x - mean) / sqrt(variance + epsilon) + beta
        running' = momentum * running + (1 - momentum) * that of the batch, in train

    Running statistics are of all batches, not of a sequence: they go on where an epoch starts anew,
    into other batch sizes and into all views of the model. In train, rows of a batch influence
    each other, and along time outputs depend on what comes later, padding included.

    Shapes: x (b, ..., c) -> the same, and the same dtype; computed in float32 at least.

    Args:
      axis: the axes to average over.
      epsilon: keeps the root away from 0.
      center: whether to add beta.
      scale: whether to multiply by gamma.
      momentum: how much of the running statistics stays at each batch.
      mode: as for every layer.

    Weights: BatchNormWeights(beta, gamma).

    State: BatchNormState(mean, variance, n_batches).

    Raises:
      ValueError: the input does not have these axes.

    Source: Ioffe and Szegedy 2015, arXiv 1502.03167, algorithms 1 and 2; Trax 1.4.1,
    trax.layers.normalization.BatchNorm, which raises for center=False or scale=False.
    """

    keeps_statistics = True

    def __init__(
        self,
        axis: int | Sequence[int] = (0, 1, 2),
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        momentum: float = 0.999,
        mode: str | None = None,
    ):
        super().__init__(mode=mode)
        self._axes = (axis,) if isinstance(axis, int) else tuple(axis)
        self._epsilon, self._momentum = epsilon, momentum
        self._center, self._scale = center, scale
        mixes = mixing(self._axes)
        declare(
            self,
            is_causal=mixes['is_causal'] or ('eval', 'predict'),
            couples_rows=('train',) if mixes['couples_rows'] else False,
        )

    def weights_fn(self, signature, context):
        rank = len(signature.shape)
        axes = self._axes_of(rank)
        shape = [signature.shape[i] for i in range(rank) if i not in axes]
        beta = jnp.zeros(shape, jnp.float32) if self._center else ()
        gamma = jnp.ones(shape, jnp.float32) if self._scale else ()
        return BatchNormWeights(beta, gamma)

    def state_fn(self, signature, context):
        axes = self._axes_of(len(signature.shape))
        shape = [1 if i in axes else d for i, d in enumerate(signature.shape)]
        mean, variance = jnp.zeros(shape, jnp.float32), jnp.ones(shape, jnp.float32)
        return BatchNormState(mean, variance, jnp.zeros((), jnp.int32))

    def apply_fn(self, x, weights, state, context):
        axes = self._axes_of(len(x.shape))
        beta, gamma = weights
        wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
        state = BatchNormState(*state)
        mean, variance = state.mean, state.variance
        if context.mode == 'train':
            mean = jnp.mean(wide, axes, keepdims=True)
            variance = jnp.mean(jnp.square(wide - mean), axes, keepdims=True)
            state = self._smoothed(state, mean, variance)
        y = (wide - mean) / jnp.sqrt(variance + self._epsilon)
        if self._scale:
            y = y * jnp.expand_dims(gamma, axes)
        if self._center:
            y = y + jnp.expand_dims(beta, axes)
        return y.astype(x.dtype), state

    def _smoothed(self, state, mean, variance):
        def smooth(old, new):
            return (self._momentum * old + (1 - self._momentum) * new).astype(old.dtype)

        return BatchNormState(
            smooth(state.mean, mean), smooth(state.variance, variance), state.n_batches + 1
        )

    def _axes_of(self, rank):
        if not all(-rank <= axis < rank for axis in self._axes):
            raise mismatch('the input', f'axes {self._axes}, to average over', f'rank {rank}')
        return tuple(axis % rank for axis in self._axes)
