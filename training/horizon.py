"""How far back a gradient goes, chosen apart from how many tokens make a window.

With windows of w tokens, one for each update, and a horizon of h:

    h < w    state passes from one piece of h tokens to the next, gradients do not
    h = w    the same from window to window
    h = k w  gradients cross the last k windows: the earlier ones are gone through again, from the
             state before them, and the loss is that of the newest

Source: Williams and Peng 1990, An Efficient Gradient-Based Algorithm for On-Line Training of
Recurrent Network Trajectories: BPTT(h; h') with h' = window; Sutskever 2013, section 2.8.6,
TBPTT(k1, k2).
"""

import collections
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .examples import Example


class Pieces:
    """A model that runs its inputs in pieces along time, with no gradient from one to the next.

    Its outputs and state are those of the model; `pure_fn` is as that of a layer.

    Args:
      model: a view that carries its state.
      horizon: how many steps a piece has; the last may have fewer.
    """

    def __init__(self, model: Any, horizon: int):
        self._model, self._horizon = model, horizon
        self.named_weights = model.named_weights

    def pure_fn(self, inputs: Any, weights: Any, state: Any, rng: Any) -> tuple[Any, Any]:
        """Returns (outputs, state after the last piece)."""
        outputs, length = [], jax.tree.leaves(inputs)[0].shape[1]
        for start in range(0, length, self._horizon):
            piece = _steps(inputs, slice(start, start + self._horizon))
            key = None if rng is None else jax.random.fold_in(rng, start)
            found, state = self._model.pure_fn(piece, weights, jax.lax.stop_gradient(state), key)
            outputs.append(found)
        return jax.tree.map(lambda *parts: jnp.concatenate(parts, axis=1), *outputs), state


class Earlier:
    """A model that goes through earlier windows before its own, so that gradients cross them.

    Args:
      model: a view that carries its state.
      window: how many steps a window has.
      n: how many windows there are before the newest.
      moves: whether the state that is given back is that after the first window, else before it.
    """

    def __init__(self, model: Any, window: int, n: int, moves: bool):
        self._model, self._window, self._n, self._moves = model, window, n, moves
        self.named_weights = model.named_weights

    def pure_fn(self, inputs: Any, weights: Any, state: Any, rng: Any) -> tuple[Any, Any]:
        """Returns (outputs of the newest window, the state before those still needed)."""
        kept = outputs = state
        for i in range(self._n + 1):
            window = _steps(inputs, slice(i * self._window, (i + 1) * self._window))
            key = None if rng is None else jax.random.fold_in(rng, self._n - i)
            outputs, state = self._model.pure_fn(window, weights, state, key)
            kept = state if i == 0 and self._moves else kept
        return outputs, kept


class Horizon:
    """The inputs that a step needs, and the model that runs them.

    Args:
      steps: how many a gradient goes back over; None: to the beginning of its batch.
      inputs: of a batch, to see how many steps a window has.
      carry: whether state is carried from batch to batch.
      skips: whether steps that are not finite are left out.

    Raises:
      ValueError: neither of the two is a multiple of the other, or there is no one state to go
        back over.
    """

    def __init__(self, steps: int | None, inputs: Any, carry: bool, skips: bool):
        self.steps, self._n, self._window = steps, 0, 0
        self._earlier: collections.deque[Any] = collections.deque(maxlen=0)
        if steps is None:
            return
        self._window = window = jax.tree.leaves(inputs)[0].shape[1]
        if steps < 1 or (steps % window and window % steps):
            raise ValueError(
                f'horizon={steps}: expected a divisor or a multiple of the window, {window}: a '
                'gradient ends at the edge of a piece of the window, or of an earlier window'
            )
        if not carry:
            raise ValueError(
                f'horizon={steps}: these batches do not go on where the ones before them ended, so '
                'a gradient goes back to the beginning of its batch. Contiguous batches do.'
            )
        self._n = max(0, steps // window - 1)
        if self._n and skips:
            raise ValueError(
                f"horizon={steps}, window={window}: not_finite='skip' would lose the place of the "
                "state before the earlier windows; use not_finite='stop'"
            )
        self._earlier = collections.deque(maxlen=self._n)

    def take(self, example: Example) -> tuple[Any, int]:
        """Returns a batch's inputs with the windows before it, and how many these are."""
        if example.fresh:
            self._earlier.clear()
        n, windows = len(self._earlier), [*self._earlier, example.inputs]
        self._earlier.append(example.inputs)
        if not n:
            return example.inputs, 0
        return jax.tree.map(lambda *parts: np.concatenate(parts, axis=1), *windows), n

    def before(self, step: int) -> range:
        """Returns the numbers of the steps whose windows a step goes through again."""
        return range(max(0, step - self._n), step)

    def model(self, view: Any, n: int) -> Any:
        """Returns what runs the inputs of a step that has n earlier windows."""
        if self.steps is not None and self.steps < self._window:
            return Pieces(view, self.steps)
        return Earlier(view, self._window, n, n == self._n) if self._n else view


def _steps(tree, some):
    return jax.tree.map(lambda leaf: leaf[:, some], tree)
