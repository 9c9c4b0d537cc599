"""dependence: which steps of which inputs each output depends on, measured."""

from typing import Any

import jax
import numpy as np

from ..combinators import Layer
from ..combinators.stack import as_items
from .laws import STEPS, Subject
from .tables import Printed, plain, table
from .verify import subject_of

SEEDS = 4
# Of the largest output: what another order of sums can change in float32 is below.
NOTHING = 1e-6


class Dependence(Printed):
    """What dependence measured; prints as a square of dots for each output and input.

    Attributes:
      name: of the model.
      seen: by (output, input), a matrix of bools: a row for each step of the output, a column
        for each step of the input. What has no time axis counts as one step.
    """

    def __init__(self, name: str, seen: dict[tuple[int, int], np.ndarray]):
        self.name, self.seen = name, seen

    def steps(self, output: int = 0, input: int = 0, at: int = -1) -> list[int]:
        """Returns the steps of an input on which an output depends, at one of its own steps."""
        return [int(s) for s in np.flatnonzero(self.seen[output, input][at])]

    @property
    def looks_ahead(self) -> bool:
        """Whether some output at t depends on an input after t."""
        return any(np.triu(square, 1).any() for square in self._squares())

    @property
    def sees_now(self) -> bool:
        """Whether some output at t depends on an input at t; a language model must not."""
        return any(np.diagonal(square).any() for square in self._squares())

    def _squares(self):
        return [m for m in self.seen.values() if len(m) == len(m.T) == STEPS]

    def __rich__(self):
        made = table(f'{self.name}: what outputs depend on', ['output', 'input', 'steps', 'so'], [])
        for (output, input), matrix in self.seen.items():
            dots = '\n'.join(''.join('■' if s else '·' for s in row) for row in matrix)
            made.add_row(*map(plain, (output, input, dots, _in_words(matrix))))
        return made


def _in_words(matrix):
    steps = [int(s) for s in np.flatnonzero(matrix.any(0))]
    if not steps:
        return 'does not depend on it'
    if len(matrix) != STEPS or len(matrix.T) != STEPS:
        return f'depends on {"steps " + str(steps) if len(matrix.T) > 1 else "it"}'
    if np.triu(matrix, 1).any():
        return 'output t depends on inputs after t'
    if np.diagonal(matrix).any():
        return 'output t depends on inputs up to t'
    return 'output t ignores inputs at t and later'


def dependence(model: Layer, signature: Any = None, n_ids: int = 2, draw: Any = None) -> Dependence:
    """Returns which steps of which inputs each output of a model depends on.

    It is measured: one step of one input is changed, and outputs are compared; for several random
    inputs, so that a Relu hides nothing. As in `verify`, the model does not change, and the
    weights are louder than its own. An influence below 1e-6 of the output counts as none. The
    model runs in eval, from its initial state, on 6 steps.

    Args:
      model, signature, n_ids, draw: as for `verify`.

    Raises:
      ValueError: no signature is known.
      LayerError: the model does not take such inputs.
    """
    subject = subject_of(model, signature, n_ids, draw)
    seen: dict[tuple[int, int], np.ndarray] = {}
    for seed in range(SEEDS):
        x, other = subject.draw(2 * seed), subject.draw(2 * seed + 1)
        y = _outputs(subject, x)
        trees = map(jax.tree.leaves, (subject.inputs, x, other))
        for i, (named, a, b) in enumerate(zip(*trees, strict=True)):
            n = STEPS if named.shape[1:2] == ('t',) else 1
            for s in range(n):
                changed = _with(x, i, _changed(a, b, s) if n > 1 else b)
                for o, pair in enumerate(zip(y, _outputs(subject, changed), strict=True)):
                    rows = _differs(*pair, subject.has_steps)
                    seen.setdefault((o, i), np.zeros((len(rows), n), bool))[:, s] |= rows
    return Dependence(model.name, seen)


def _outputs(subject: Subject, x: Any) -> list[Any]:
    return [np.asarray(y) for y in jax.tree.leaves(as_items(subject.once(subject.view(), x)))]


def _changed(a, b, step):
    a = a.copy()
    a[:, step] = b[:, step]
    return a


def _with(x, i, a):
    leaves, structure = jax.tree.flatten(x)
    return jax.tree.unflatten(structure, [*leaves[:i], a, *leaves[i + 1 :]])


def _differs(one: Any, two: Any, has_steps: bool) -> np.ndarray:
    """Returns for each step of an output whether it differs; one bool if it has no steps."""
    one, two = (np.asarray(side, np.float64) for side in (one, two))
    far = np.abs(two - one) > NOTHING * max(1e-30, np.abs(one).max())
    return np.any(far, (0, *range(2, far.ndim))) if has_steps else np.array([far.any()])
