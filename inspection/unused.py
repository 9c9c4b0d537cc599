"""unused: weights and state that a model has and does not need."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..combinators import Held
from ..combinators.context import as_key
from ..combinators.weights import named
from .one_run import batch_size_of, ready
from .tables import Printed, number, plain, table


class WeightUse(NamedTuple):
    """What the outputs have of one array of weights."""

    n: int
    n_without_gradient: int  # of its numbers, on these inputs
    matters: bool  # whether another array there gives other outputs

    @property
    def problem(self) -> str:
        """What is odd, in words; nothing if all of it is used."""
        if not self.matters:
            return 'no output depends on it, on these inputs'
        if self.n_without_gradient == self.n:
            return 'outputs depend on it, and its gradient is 0'
        if not self.n_without_gradient:
            return ''
        return f'{self.n_without_gradient / self.n:.1%} of it has no gradient on these inputs'


class Unused(Printed):
    """What unused found; prints as a table of what is odd.

    Attributes:
      name: of the model.
      weights: WeightUse by the path of each array.
      state: by the path of each layer that keeps a state in predict, whether the next outputs
        depend on it; None where the model cannot go on from a state.
    """

    def __init__(self, name: str, weights: dict[str, WeightUse], state: dict[str, bool] | None):
        self.name, self.weights, self.state = name, weights, state

    @property
    def ok(self) -> bool:
        """Whether outputs depend on all weights, by gradients, and on all states."""
        learns = all(w.matters and w.n_without_gradient < w.n for w in self.weights.values())
        return learns and all((self.state or {}).values())

    def __rich__(self):
        rows = [(path, number(w.n), w.problem) for path, w in self.weights.items() if w.problem]
        for path, matters in (self.state or {}).items():
            if not matters:
                rows.append((f'state of {path}', '', 'the next outputs do not depend on it'))
        if not rows:
            return plain(f'{self.name}: all weights and all state are used.')
        made = table(f'{self.name}: unused', ['what', 'numbers', 'so'], [])
        for row in rows:
            made.add_row(*map(plain, row))
        return made


def unused(model: Any, x: Any) -> Unused:
    """Returns which weights and states of a model no output needs, on some inputs.

    Of weights there are two signs. One is the gradient of a random sum of the outputs in eval:
    where it is exactly 0, a step of training with these inputs changes nothing, as in rows of an
    Embedding for ids that do not come. The other is what the outputs are with other numbers in the
    place of the whole array: an array that makes no difference can go. Where outputs depend on it
    without a gradient, something holds gradients back.

    A state is what a model has after reading x in predict, and it is changed before it reads x once
    more.

    Args:
      model: a layer, or a view of one; it does not change.
      x: inputs, one array or a tuple.

    Raises:
      LayerError: the model does not take x.
    """
    model, x = ready(model, x)
    weights = _weights(model.as_mode('eval').with_carry(False), x)
    return Unused(model.name, weights, _state(model, x))


def _weights(model, x):
    state = model.new_state(batch_size_of(x))

    @jax.jit
    def run(weights):
        return model.pure_fn(x, weights, state, as_key(0))[0]

    @jax.jit
    def gradients(weights):
        return jax.grad(lambda w: _mixed(model.pure_fn(x, w, state, as_key(0))[0]))(weights)

    weights, expected = model.weights, run(model.weights)
    leaves, structure = jax.tree.flatten(weights)
    slopes = [leaf for _, leaf in named(model, gradients(weights))]
    found = {}
    for i, (path, leaf) in enumerate(named(model, weights)):
        other = [*leaves[:i], _other(leaf), *leaves[i + 1 :]]
        matters = _differ(expected, run(jax.tree.unflatten(structure, other)))
        found[path] = WeightUse(leaf.size, int(np.sum(np.asarray(slopes[i]) == 0)), matters)
    return found


def _state(model, x):
    """Returns for each layer whether the outputs depend on its state."""
    predict = model.as_mode('predict')
    run = jax.jit(lambda state: predict.pure_fn(x, predict.weights, state, as_key(0)))
    try:
        _, state = run(predict.new_state(batch_size_of(x)))
        expected, _ = run(state)
    except Exception:  # whole sequences only, or as many steps as it has weights for
        return None
    held, structure = jax.tree.flatten(state, is_leaf=lambda node: isinstance(node, Held))
    found = {}
    for i, one in enumerate(held):
        other = [*held[:i], jax.tree.map(_other, one), *held[i + 1 :]]
        path = one.path if isinstance(one, Held) else ''
        differs = _differ(expected, run(jax.tree.unflatten(structure, other))[0])
        found[path or model.name] = found.get(path or model.name, False) or differs
    return found


def _mixed(y):
    """Returns a sum of all outputs that are floats, each with a weight of its own."""
    total = jnp.zeros(())
    for i, part in enumerate(jax.tree.leaves(y)):
        if jnp.issubdtype(part.dtype, jnp.floating):
            total += jnp.sum(part * jax.random.normal(jax.random.fold_in(as_key(1), i), part.shape))
    return total


def _other(array):
    """Returns another array of the same shape: far from it, and of its size."""
    if array.dtype == bool:
        return ~array
    if not jnp.issubdtype(array.dtype, jnp.floating):
        return jnp.zeros_like(array)
    noise = jax.random.normal(as_key(2), array.shape, array.dtype)
    return array + noise * jnp.maximum(jnp.std(array), 0.5)


def _differ(one, two):
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True)
    return any(not np.array_equal(a, b, equal_nan=True) for a, b in pairs)
