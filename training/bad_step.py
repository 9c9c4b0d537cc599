"""Where the first NaN or infinity of a step came from: the step is made again, part by part.

The parts in their order: weights, inputs, what each layer gives, the loss, the gradient of each
weight from the last layer back, the updates and their norm. The compiled step computes the same in
another order, so a value at the edge of overflow may be fine here.
"""

from typing import Any, NamedTuple

import jax
import numpy as np
from jax.core import Tracer

from ..combinators import Observer, observing
from .examples import Example
from .step import TrainState, global_norm, measure


class Found(NamedTuple):
    """A value that is not finite."""

    place: str  # 'the output of GRU#1 (GRU_8)', 'the gradient of GRU#1.w1', ...
    value: str  # 'NaN' or 'infinite'


def first_bad(
    model: Any, loss: Any, optimizer: Any, state: TrainState, step: int, example: Example
) -> Found | None:
    """Returns the first value of a step that is not finite; None if all are, made part by part.

    Args:
      model: a view in train mode.
      loss: as in the step.
      optimizer: as in the step.
      state: that before the step.
      step: its number, from 0.
      example: its batch.
    """
    rng = jax.random.fold_in(state.rng, step)
    seen = _Outputs()

    def objective(weights, seen=seen):
        with observing(seen):
            outputs, _ = model.pure_fn(example.inputs, weights, state.model_state, rng)
        return measure(loss, outputs, example.compared)

    def named(tree, kind):
        leaves = zip(model.named_weights(), jax.tree.leaves(tree), strict=True)
        return [(f'the {kind} {path}', leaf) for path, leaf in leaves]  # in the layers' order

    def parts():
        yield from named(state.weights, 'weight')
        yield from _numbered(example.inputs, 'input')
        yield from _numbered(example.compared, 'target or weight')
        value = objective(state.weights)
        yield from seen.outputs
        yield 'the loss', value
        gradient = jax.grad(lambda weights: objective(weights, Observer()))(state.weights)
        yield from reversed(named(gradient, 'gradient of'))
        yield 'the squared norm of the gradient', global_norm(gradient)
        updates, _ = optimizer.update(gradient, state.optimizer_state, state.weights)
        yield from named(updates, 'update of')
        yield 'the squared norm of the update', global_norm(updates)

    for place, value in parts():
        if problem := _problem(value):
            return Found(place, problem)
    return None


class _Outputs(Observer):
    """What each layer gives, inner ones first; those inside of loops have no values here."""

    def __init__(self):
        self.outputs: list[tuple[str, Any]] = []

    def after(self, layer, context, weights, y):
        for leaf in jax.tree.leaves(y):
            if not isinstance(leaf, Tracer):
                self.outputs.append((f'the output of {context.location} ({layer.name})', leaf))


def _numbered(tree, kind):
    leaves = jax.tree.leaves(tree)
    return [(f'{kind} {i} of the batch', leaf) for i, leaf in enumerate(leaves, 1)]


def _problem(value):
    array = np.asarray(value)
    if np.issubdtype(array.dtype, np.integer) or array.dtype == bool:
        return None
    array = array.astype(np.float32)
    if np.isnan(array).any():
        return 'NaN'
    return None if np.isfinite(array).all() else 'infinite'
