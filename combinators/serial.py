"""Serial: layers one after another over the data stack."""

import types
from typing import Any

from . import passes
from .errors import LayerError
from .failures import layer_error
from .layer import Layer
from .paths import label
from .signature import signature
from .stack import arity, as_items, draw, flatten, push, take


class Serial(Layer):
    """Applies layers one after another; each takes its inputs from the stack's top.

    A layer with n_in and n_out takes n_in items off the top of the stack and puts n_out there.
    What lies below is left alone, also below what the whole series takes: surplus inputs pass
    through. Lists flatten; None and [] are no layers; without layers it returns its inputs.

    Args:
      *sublayers: layers, or lists of them.
      name: the name to print.
      sublayers_to_print: which sublayers to print; all by default.

    State: a tuple with the state of each layer.

    Source: Trax 1.4.1, trax.layers.combinators.Serial.
    """

    _tl_passes_rest = True

    def __init__(self, *sublayers, name=None, sublayers_to_print=None):
        layers = ensure_layers(flatten([s for s in sublayers if s is not None]), 'Serial')
        n_in, n_out = arity(layers) if layers else (1, 1)
        super().__init__(n_in, n_out, name=name, sublayers_to_print=sublayers_to_print)
        self._sublayers = tuple(layers)

    @property
    def shift(self):
        """How many places the ids that it reads lie before those that it is to give."""
        return sum(layer.shift for layer in self._sublayers)

    @property
    def _tl_label(self):
        return label(self._name, type(self).__name__)

    def init_through(self, inputs, context, notebook):
        stack, weights, state = inputs, [], []
        for place, layer in zip(self._tl_labels, self._sublayers, strict=True):
            top = self._top(layer, stack, context.child(place), 'initialising')
            try:
                w, s, outputs = passes.initialise(layer, top, context.child(place), notebook)
            except LayerError as error:
                _draw_once(error, stack, layer)
                raise
            stack = push(outputs, stack, layer.n_in)
            weights.append(w)
            state.append(s)
        return tuple(weights), tuple(state), stack

    def apply_fn(self, x, weights, state, context):
        check_parts(self, state)
        stack, new_state = x, []
        for i, (place, layer) in enumerate(zip(self._tl_labels, self._sublayers, strict=True)):
            top = self._top(layer, stack, context.child(place), 'running')
            try:
                y, s = passes.apply(layer, top, weights[i], state[i], context.child(place))
            except LayerError as error:
                _draw_once(error, signature(stack), layer)
                raise
            stack = push(y, stack, layer.n_in)
            new_state.append(s)
        return stack, tuple(new_state)

    def _top(self, layer, stack, context, doing):
        try:
            return take(stack, layer.n_in)
        except ValueError as error:
            if self._sublayers_to_print is not None:  # a person knows the whole, not its insides
                layer, context = self, context.replace(path=context.path[:-1])
            for part in _too_greedy(layer, len(as_items(stack))):
                error.add_note(f'{part._name} within it takes {part.n_in}.')
            failure = layer_error(layer, doing, context, signature(stack), error)
            failure.stack = draw(signature(stack), layer.n_in)
            raise failure from error


def _too_greedy(layer, n):
    """Returns the parts of a layer, as a person wrote them, that take more than n items."""
    parts = flatten(layer._sublayers_to_print or [])
    return [part for part in parts if isinstance(part, Layer) and part.n_in > n]


def _draw_once(error, stack, layer):
    if not error.stack and len(as_items(stack)) > 1:
        error.stack = draw(stack, layer.n_in)


def check_parts(layer: Layer, state: Any) -> None:
    """Raises if a state is not a tuple with one part for each sublayer."""
    n = len(layer._sublayers)
    if not isinstance(state, tuple | list) or len(state) != n:
        got = len(state) if isinstance(state, tuple | list) else type(state).__name__
        raise ValueError(
            f'state of {layer._name}: expected a tuple of {n} parts, one for each sublayer, got '
            f'{got}. Use model.new_state(batch_size).'
        )


def ensure_layers(layers: list[Any], who: str) -> list[Layer]:
    """Returns the layers, after checking that each is one.

    Raises:
      ValueError: something is not a layer; a class instead of an instance is named as such.
    """
    layers = [layer for layer in layers if layer is not None]
    for i, layer in enumerate(layers):
        if isinstance(layer, Layer):
            continue
        if isinstance(layer, type) and issubclass(layer, Layer):
            hint = f'the class {layer.__name__}; write {layer.__name__}(...) to make a layer'
        elif callable(layer):
            hint = (
                f'the function {getattr(layer, "__name__", layer)!s}; call it, if it returns a '
                'layer, or wrap it: Fn(name, function)'
            )
        elif isinstance(layer, dict | set | types.GeneratorType):
            hint = (
                f'a {type(layer).__name__}; pass its layers one by one or in a list, in their order'
            )
        else:
            hint = f'{layer!r} of type {type(layer).__name__}'
        raise ValueError(f'{who}: item {i} is not a layer: got {hint}')
    return layers
