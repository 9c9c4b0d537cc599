"""Numbers that compiled code would take without a word: looked at on the host, batch by batch.

Which numbers a model takes as inputs, and a loss as targets, is found once, by tracing them.
"""

from typing import Any

import jax
import numpy as np

from ..combinators.ranges import Range, all_in_range, noting
from ..combinators.signature import signature, spec
from ..layers.weighting import fits
from .examples import Example
from .step import measure


class Checks:
    """What a model and a loss take; nothing is computed.

    Args:
      view: the model, in the mode that runs.
      state: of the view.
      sample: a batch; those that are checked have its shapes.
      loss: a layer that takes (outputs, targets, weights).
    """

    def __init__(self, view: Any, state: Any, sample: Example, loss: Any):
        self._view = view
        self._of_inputs: list[Range] = []

        def run(inputs, weights, state):
            with noting(inputs) as found:
                outputs, _ = view.pure_fn(inputs, weights, state, jax.random.key(0))
            self._of_inputs.extend(found)
            return outputs

        inputs = spec(signature(sample.inputs))
        outputs = jax.eval_shape(run, inputs, view.weights, state)
        self._n_categories = _n_categories(outputs, sample.compared, loss)

    def __call__(self, example: Example) -> None:
        """Raises ValueError where a batch has a number that is not taken.

        Arrays on a device are not looked at, nor targets whose weight is 0.
        """
        if _on_host(example.compared) and self._n_categories is not None:
            _check_targets(*example.compared[:2], n_categories=self._n_categories)
        if _on_host(example.inputs) and not all_in_range(example.inputs, self._of_inputs):
            n_rows = jax.tree.leaves(example.inputs)[0].shape[0]
            state = self._view.new_state(n_rows)
            # Not compiled, the layer sees the numbers, and says it all.
            self._view.pure_fn(example.inputs, self._view.weights, state, jax.random.key(0))


def _on_host(tree):
    return all(isinstance(x, np.ndarray) for x in jax.tree.leaves(tree))


def _n_categories(outputs, compared, loss):
    """The number of categories, where targets are such; of floats the loss says it."""
    shape, targets = getattr(outputs, 'shape', None), compared[0]
    if np.issubdtype(np.asarray(targets).dtype, np.integer):
        return shape[-1] if shape and len(shape) == np.ndim(targets) + 1 else None
    ranges: list[Range] = []

    def run(outputs, compared):
        with noting(compared) as found:
            measure(loss, outputs, compared)
        ranges.extend(found)

    jax.eval_shape(run, outputs, compared)
    of_targets = (found.most for found in ranges if found.leaf == 0 and found.whole)
    return next((most + 1 for most in of_targets if most is not None), None)


def _check_targets(targets, weights=None, *, n_categories):
    if weights is not None and fits(weights, targets.shape):
        targets = targets[np.broadcast_to(weights != 0, targets.shape)]
    if not targets.size:
        return
    if (odd := _not_whole(targets)).size:
        raise ValueError(
            f'the targets of a batch: expected ids, whole numbers from 0 to {n_categories - 1}, '
            f'got {odd[0]!s}. Give what is to be left out the weight 0.'
        )
    low, high = int(targets.min()), int(targets.max())
    if low < 0 or high >= n_categories:
        raise ValueError(
            f'the targets of a batch have ids from {low} to {high}, but the model tells apart '
            f'{n_categories} categories (0 to {n_categories - 1}). Make the model with '
            f'vocab_size={high + 1} or more, or encode the text with its own vocabulary.'
        )


def _not_whole(targets):
    if np.issubdtype(targets.dtype, np.integer):
        return targets[:0]
    return targets[~np.isfinite(targets) | (targets != np.floor(targets))]
