"""What laws are examined on: a model with weights, what it takes, and ways to run it."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ...combinators import Layer, LayerError
from ...combinators.errors import needs_values
from .declared import Declared
from .finding import Finding, does_not_apply
from .inputs import ROWS, STEPS, with_numbers

KEY = jax.random.PRNGKey(0)
VIEWS = [('train', False), ('train', True), ('eval', False), ('eval', True), ('predict', False)]


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """A model and its inputs; laws do not change it.

    Attributes:
      model: has weights that make a difference, see `loud`.
      make: makes another model of the same definition.
      inputs: the signature of its inputs; 'b' stands for the batch, 't' for time.
      draw: returns inputs for a seed, with ROWS rows and STEPS steps.
      shifted: by how many steps predict wants its inputs later, because the decoder feeds
        the start id; 0 where predict takes what eval takes.
      is_loss: whether the inputs are (outputs, targets, weights) and weight 0 leaves a place out.
    """

    model: Layer
    make: Callable[[], Layer]
    inputs: Any
    draw: Callable[[int], Any]
    shifted: int = 0
    is_loss: bool = False

    def view(self, mode: str = 'eval', carry: bool = False) -> Layer:
        """Returns the model in another mode."""
        view = self.model.as_mode(mode)
        return view.with_carry() if carry else view

    def signature(self, b: int = ROWS, t: int = STEPS) -> Any:
        """Returns the signature of the inputs with numbers."""
        return with_numbers(self.inputs, b, t)

    @functools.cached_property
    def declared(self) -> Declared:
        """What the model says it is."""
        return Declared(self.model)

    # Rows and steps.

    @functools.cached_property
    def has_rows(self) -> bool:
        """Whether every output has a row for each row of the inputs."""
        return self._follows(0, ROWS, b=2 * ROWS)

    @functools.cached_property
    def has_steps(self) -> bool:
        """Whether every output has rows, and a step for each step of the inputs."""
        return self.has_rows and self._follows(1, STEPS, t=2 * STEPS)

    def _follows(self, axis, size, **doubled):
        def sizes(inputs):
            outputs = jax.tree.leaves(self.model.output_signature(inputs))
            return {s.shape[axis] if len(s.shape) > axis else None for s in outputs}

        try:
            return sizes(self.signature()) == {size} and sizes(self.signature(**doubled)) == {
                2 * size
            }
        except Exception:  # a model of one length may fail in any way at another
            return False

    def without_steps(self) -> Finding:
        """Returns the finding of laws along time, for a model that has none."""
        return does_not_apply(
            "not every output has a step for each step of the inputs; name the time axis 't', as "
            "in ShapeDtype(('b', 't'), np.int32)"
        )

    def at_steps(self, pick: Callable[..., Any], x: Any, *more: Any) -> Any:
        """Returns inputs with `pick` applied to those that have a time axis."""
        return self._where(lambda s: s.shape[1:2] == ('t',), pick, x, *more)

    def at_rows(self, pick: Callable[..., Any], x: Any, *more: Any) -> Any:
        """Returns inputs with `pick` applied to those that have rows."""
        return self._where(lambda s: s.shape[:1] == ('b',), pick, x, *more)

    def _where(self, applies, pick, x, *more):
        return jax.tree.map(
            lambda s, a, *others: pick(a, *others) if applies(s) else a, self.inputs, x, *more
        )

    def fed(self, x: Any) -> Any:
        """Returns what the decoder feeds so that predict gives what eval gives on `x`."""
        if not self.shifted:
            return x
        pad = [(0, 0), (self.shifted, 0)] + [(0, 0)] * (x.ndim - 2)
        return np.pad(x, pad, constant_values=self.model.start_id or 0)[:, : x.shape[1]]

    # Running.

    def run(self, view: Layer, x: Any, state: Any, key: Any = KEY) -> tuple[Any, Any]:
        """Returns outputs and new state; compiled once for all laws."""
        try:
            return self.program(view, x, state, key)(x, view.weights, state, key)
        except LayerError as error:
            if not needs_values(error):
                raise
            return view.pure_fn(x, view.weights, state, key)  # law 2 reports it

    def program(self, view: Layer, *inputs: Any) -> Callable[..., Any]:
        """Returns a view's compiled function of (x, weights, state, key), for such inputs only.

        Views whose functions read the same when lowered have one, so it is compiled once.
        """
        x, state, key = inputs
        leaves, structure = jax.tree.flatten(inputs)
        kind = (structure, tuple((np.shape(leaf), jnp.result_type(leaf)) for leaf in leaves))

        def lowered():
            function = jax.jit(lambda *args: view.pure_fn(*args))
            traced = function.trace(x, view.weights, state, key)
            trees = (structure, jax.tree.structure(traced.out_info))
            name = ('law', traced.lower().as_text(), trees)
            return self.model.programs.get(name, lambda: function)

        return view.program(('law', kind), lowered)

    def once(self, view: Layer, x: Any) -> Any:
        """Returns the outputs from the initial state."""
        return self.run(view, x, view.new_state(ROWS))[0]

    def in_chunks(self, view: Layer, x: Any, sizes: list[int]) -> tuple[Any, Any]:
        """Returns the outputs of chunks of the sequence, joined, and the last state."""
        state, outputs, start = view.new_state(ROWS), [], 0
        for n in sizes:
            chunk = self.at_steps(lambda a, s=start, e=start + n: a[:, s:e], x)
            y, state = self.run(view, chunk, state)
            outputs.append(y)
            start += n
        return joined(outputs), state


def joined(parts: list[Any]) -> Any:
    """Returns outputs of consecutive chunks as those of the whole."""
    return jax.tree.map(lambda *ys: np.concatenate(ys, 1), *parts)


def loud(model: Layer, seed: int = 0) -> Layer:
    """Moves the weights by up to 0.7: what initializers draw is so small that mistakes would hide.

    In wide layers by less, so that sums of products stay near 1.
    """
    random = np.random.default_rng(seed)

    def moved(w):
        if not jnp.issubdtype(w.dtype, jnp.floating):
            return w
        limit = 0.7 * min(1.0, (8 / max(w.shape[-2:-1], default=1)) ** 0.5)
        return jnp.asarray(w + random.uniform(-limit, limit, w.shape), w.dtype)

    model.weights = jax.tree.map(moved, model.weights)
    return model
