"""How far the gradient of a truncated backward pass is from the full one."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..combinators import signature
from .examples import as_example
from .horizon import Pieces
from .step import DEFAULT_LOSS, global_norm, measure


class Truncation(NamedTuple):
    """A gradient beside the full one, both as one vector of all weights."""

    horizon: int  # how many steps it goes back over
    cosine: float  # of the angle between the two; 1: the same direction
    relative_norm: float  # its norm over that of the full one
    relative_error: float  # the norm of the difference over that of the full one


def truncations(
    model: Any, batch: Any, horizons: Sequence[int], loss: Any = None
) -> list[Truncation]:
    """Returns for each horizon how far its gradient is from the full one, over one long batch.

        full      = d loss / d weights, through all steps of the batch
        truncated = the same where the state is a constant at every horizon-th step

    Both are of the same loss over the same outputs, from the initial state, in eval mode, so that
    nothing is drawn. Memory is that of a backward pass through the whole batch.

    Args:
      model: has weights.
      batch: as a training takes it, but long: a horizon of its whole length is the full gradient.
      horizons: numbers of steps.
      loss: a layer that takes (outputs, targets, weights); CrossEntropyLoss by default.

    Raises:
      ValueError: the full gradient is 0, or a horizon is not positive.

    Source: Tallec and Ollivier 2017, Unbiasing Truncated Backpropagation Through Time, arXiv
    1705.08209, section 2, on the bias that is measured here.
    """
    if any(horizon < 1 for horizon in horizons):
        raise ValueError(f'horizons: expected positive numbers of steps, got {list(horizons)}')
    example, loss = as_example(batch, model.n_in), DEFAULT_LOSS if loss is None else loss
    view = model.as_mode('eval').with_carry()
    state = view.init(signature(example.inputs))[1]

    def gradient(run):
        def objective(weights):
            outputs, _ = run.pure_fn(example.inputs, weights, state, None)
            return measure(loss, outputs, example.compared)

        return jax.jit(jax.grad(objective))(model.weights)

    full = gradient(view)
    if not (norm := float(global_norm(full))):
        raise ValueError('truncations: the full gradient is 0, so there is no angle to it')
    return [_compared(horizon, gradient(Pieces(view, horizon)), full, norm) for horizon in horizons]


def _compared(horizon, truncated, full, norm):
    parts = jax.tree.map(lambda a, b: jnp.sum(a * b), truncated, full)
    product, own = float(sum(jax.tree.leaves(parts))), float(global_norm(truncated))
    difference = float(global_norm(jax.tree.map(jnp.subtract, truncated, full)))
    cosine = product / (own * norm) if own else math.nan
    return Truncation(horizon, cosine, own / norm, difference / norm)
