"""Layers written as Trax users write them: `forward` and `init_weights_and_state` on `self`.

Such a layer runs on a twin, a shallow copy of itself that lives for one call and whose weights,
state and rng are the call's. What forward leaves on the twin besides these is compared with the
layer afterwards: a tracer there is an error, a change a warning, because both would be lost.
"""

import inspect
from typing import Any

import jax.core

from . import state as states
from .context import Ambient, Context, ambient, within
from .errors import warn
from .sharing import expand
from .signature import infer, is_symbolic

# What a twin may differ in: the frame, and the fields that Trax's own classes write to.
_OWN = frozenset({'_tl_frame', '_weights', '_state', '_rng', '_init_cached', '_jit_cache'})


class Frame:
    """The weights, state and rng of one running call."""

    def __init__(self, context: Context, weights: Any, state: Any):
        self.weights, self.state = weights, state
        self.context = context
        self._rng: Any = None

    @property
    def rng(self):
        """The key of this place in the model, made when first asked for."""
        if self._rng is None and self.context.rng is not None:
            self._rng = self.context.key()
        return self._rng

    @rng.setter
    def rng(self, key):
        self._rng = key


class Part:
    """A sublayer's part of the weights and state of the frame around it."""

    def __init__(self, frame: Frame, place: int, n: int):
        self._frame, self._place, self._n = frame, place, n

    @property
    def weights(self):
        """The weights of the sublayer in this call."""
        return self._frame.weights[self._place]

    @weights.setter
    def weights(self, weights):
        self._frame.weights = self._with(self._frame.weights, weights)

    @property
    def state(self):
        """The state of the sublayer in this call."""
        return (self._frame.state or [()] * self._n)[self._place]

    @state.setter
    def state(self, state):
        self._frame.state = self._with(self._frame.state or [()] * self._n, state)

    def _with(self, parts, part):
        return (*parts[: self._place], part, *parts[self._place + 1 :])


def part_of(layer: Any) -> Part | None:
    """Returns a layer's part of the `forward` that runs; None if it is no sublayer there."""
    where = ambient()
    if where is None or where.frame is None:
        return None
    cells = [sub._tl_cell for sub in where.layer._sublayers]
    return (
        Part(where.frame, cells.index(layer._tl_cell), len(cells))
        if layer._tl_cell in cells
        else None
    )


def twin(layer: Any, context: Context, weights: Any = (), state: Any = ()) -> Any:
    """Returns a copy of a layer for one call."""
    copy = object.__new__(type(layer))
    copy.__dict__.update(layer.__dict__)
    copy.__dict__['_tl_frame'] = Frame(context, weights, state)
    return copy


def apply(layer: Any, x: Any, weights: Any, state: Any, context: Context) -> tuple[Any, Any]:
    """Runs `forward` as a pure function."""
    copy = twin(layer, context, weights, state)
    with within(Ambient(layer, context, frame=copy._tl_frame)):
        y = copy.forward(x)
        new_state = copy.state
    _compare(layer, copy)
    return y, new_state


def initialise(layer: Any, inputs: Any, context: Context, notebook: Any) -> Any:
    """Runs `init_weights_and_state`; the output signature is inferred inside a model only.

    A user's layer that stands alone is first run when it is called: its forward may need Python
    values that a trace has not.
    """
    if inputs is not None and is_symbolic(inputs):
        raise ValueError(
            'this layer makes its state in init_weights_and_state, which needs numbers for all '
            f'sizes, got {inputs}'
        )
    copy = twin(layer, context)
    with within(Ambient(layer, context, notebook)):
        copy.init_weights_and_state(inputs)
    for name, value in copy.__dict__.items():
        if name not in _OWN and layer.__dict__.get(name) is not value:
            layer.__dict__[name] = value  # sizes that init works out and forward reads
    weights, state = copy.weights, copy.state
    if not layer._sublayers:
        cell = layer._tl_cell
        if cell in notebook.weights:
            weights = notebook.weights[cell]
        elif notebook.keep and cell.initialised:
            weights = cell.weights
        notebook.weights[cell] = weights
        state = states.hold(state, context)
    if inputs is None or (not context.path and not layer._sublayers):
        return weights, state, None
    released = states.release(state, context) if not layer._sublayers else state
    full = expand(layer, weights, dict(notebook.expanded))
    outputs = infer(lambda x: apply(layer, x, full, released, context)[0], inputs)
    return weights, state, outputs


def _compare(layer, copy):
    for name, value in copy.__dict__.items():
        if name in _OWN or layer.__dict__.get(name, _compare) is value:
            continue
        if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(value)):
            raise RuntimeError(
                f'forward left a traced value in self.{name}, which would be lost and break later '
                'calls; return it, or keep it in self.state'
            )
        warn(
            f'{layer._name}: forward changed self.{name}; the change is lost, because a layer '
            'runs on a copy of itself. Keep what must last in self.state.',
        )


def constructor_default(cls: type, parameter: str) -> Any:
    """Returns the default of a parameter of a class's constructor, None if it has none."""
    found = inspect.signature(cls.__init__).parameters.get(parameter)
    return None if found is None or found.default is found.empty else found.default
