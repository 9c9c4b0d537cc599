"""The first layer that breaks a law: two runs of a model, compared layer by layer."""

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.core

from ...combinators import Held, Layer, Observer, observing
from .closeness import not_close
from .finding import Spot
from .inputs import ROWS, STEPS
from .subject import KEY, Subject, joined

# The outputs of each layer by its path, and inner layers before outer ones.
Outputs = dict[str, tuple[Layer, Any]]


class _Record(Observer):
    """Notes the outputs of layers; those inside a trace of their own are left out."""

    def __init__(self):
        self.outputs: Outputs = {}

    def after(self, layer, context, weights, y):
        if not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(y)):
            self.outputs.setdefault(context.location, (layer, y))


def outputs_of(view: Layer, x: Any, state: Any = None, key: Any = KEY) -> tuple[Outputs, Any]:
    """Returns what each layer gives, and the new state; runs op by op."""
    state = view.new_state(ROWS) if state is None else state
    record = _Record()
    with observing(record):
        _, state = view.pure_fn(x, view.weights, state, key)
    return record.outputs, state


def outputs_by_steps(subject: Subject, view: Layer, x: Any) -> Outputs:
    """Returns what each layer gives when the model takes one step at a time."""
    state, steps = view.new_state(ROWS), []
    for t in range(STEPS):
        outputs, state = outputs_of(
            view, subject.at_steps(lambda a, t=t: a[:, t : t + 1], x), state
        )
        steps.append(outputs)
    together = {}
    for path, (layer, _) in steps[0].items():
        try:
            together[path] = layer, joined([outputs[path][1] for outputs in steps])
        except ValueError:  # outputs without a time axis
            continue
    return together


def first_difference(runs: Iterable[Outputs], part: Callable[[Any], Any] = lambda a: a) -> Spot:
    """Returns the first layer whose outputs differ in two runs.

    Args:
      runs: the outputs of two runs.
      part: what to compare of each array.
    """
    one, two = runs
    for path, (layer, y) in one.items():
        other = two.get(path, (layer, y))[1]
        if _comparable(y) and not_close(*(jax.tree.map(part, side) for side in (other, y))):
            return layer, path
    return None


def _comparable(y):
    return all(getattr(leaf, 'ndim', 0) > 1 for leaf in jax.tree.leaves(y))


def owner_of_state(model: Layer, got: Any, expected: Any) -> Spot:
    """Returns the first layer whose state is not of the kind that it was."""

    def held(tree):
        parts = jax.tree.leaves(tree, is_leaf=lambda node: isinstance(node, Held))
        kind = lambda part: jax.tree.map(lambda a: (a.shape, a.dtype), part.value)  # noqa: E731
        return {part.path: kind(part) for part in parts if isinstance(part, Held)}

    before, after = held(expected), held(got)
    for path in [*before, *after]:
        if before.get(path) != after.get(path):
            return layer_at(model, path), path
    return None


def layer_at(model: Layer, path: str) -> Layer:
    """Returns the layer at a path of a model."""
    for label in filter(None, path.split('/')):
        model = model.sublayers[model._tl_labels.index(label)]
    return model
