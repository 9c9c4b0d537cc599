"""Inputs for laws: which axes of a signature are rows and steps, and numbers to fill it."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from ...combinators import Layer, ShapeDtype, signature

ROWS, STEPS = 3, 6
OTHER_SIZE = 5  # of an axis that has a name of its own, such as the length of a second sequence


def named(model: Layer, given: Any) -> Any:
    """Returns a signature with 'b' for the batch and 't' for time, and numbers elsewhere.

    Axis 0 is the batch; axis 1 is time if it has the first name that stands there, or, where
    all sizes are numbers, if the model takes any number there.
    """
    given = signature(given)
    shapes = [s.shape for s in jax.tree.leaves(given) if isinstance(s, ShapeDtype)]
    if not any(s.is_symbolic for s in jax.tree.leaves(given)):
        guess = _renamed(given, ('b', 't'))
        return guess if _fits(model, guess) else _renamed(given, ('b',))
    rows = next((s[0] for s in shapes if s and isinstance(s[0], str)), 'b')
    steps = next((s[1] for s in shapes if len(s) > 1 and isinstance(s[1], str)), 't')
    table = {rows: 'b', steps: 't'}

    def one(s):
        sizes = [d if isinstance(d, int) else table.get(d, OTHER_SIZE) for d in s.shape]
        return ShapeDtype(sizes, s.dtype)

    return jax.tree.map(one, given)


def with_numbers(inputs: Any, b: int = ROWS, t: int = STEPS) -> Any:
    """Returns a signature with numbers for 'b' and 't'."""
    sizes = {'b': b, 't': t}
    return jax.tree.map(lambda s: ShapeDtype([sizes.get(d, d) for d in s.shape], s.dtype), inputs)


def _renamed(given, names):
    def one(s):
        return ShapeDtype((*names, *s.shape[len(names) :])[: s.ndim], s.dtype)

    return jax.tree.map(one, given)


def _fits(model, inputs):
    try:
        for t in (STEPS, 2 * STEPS):
            model.output_signature(with_numbers(inputs, t=t))
    except Exception:  # code that wants another size may fail in any way
        return False
    return True


def drawing(inputs: Any, n_ids: int, is_loss: bool) -> Callable[[int], Any]:
    """Returns a function that draws inputs for a seed.

    Floats lie between -1.5 and 1.5, integers below n_ids. The weights of a loss lie between 0
    and 1, and are 0 at the last step.
    """
    sized = with_numbers(inputs)

    def draw(seed):
        random = np.random.default_rng(seed)
        drawn = jax.tree.map(lambda s: _array(s, random, n_ids), sized)
        if is_loss:
            weights = np.abs(drawn[2]) / 1.5
            weights[:, -1:] = 0
            drawn = (*drawn[:2], weights)
        return drawn

    return draw


def _array(s, random, n_ids):
    if np.issubdtype(s.dtype, np.integer):
        return random.integers(0, n_ids, s.shape).astype(s.dtype)
    if s.dtype == bool:
        return random.random(s.shape) < 0.5
    return random.uniform(-1.5, 1.5, s.shape).astype(s.dtype)
