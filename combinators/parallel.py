"""Parallel, Branch and Residual: layers side by side."""

from . import passes
from .fn import Add
from .layer import Layer
from .select import Select
from .serial import Serial, check_parts, ensure_layers
from .stack import as_items, as_stack, flatten


class Parallel(Layer):
    """Applies layers side by side, each to its own span of the inputs.

    For F: 1 -> 1, G: 3 -> 1 and H: 2 -> 2, Parallel(F, G, H) takes a, b, c, d, e, f and gives
    F(a), G(b, c, d), H(e, f)[0], H(e, f)[1]. None and [] pass one item through; lists of layers
    become Serial.

    Raises:
      ValueError: fewer than two layers, or one that takes no input.

    Source: Trax 1.4.1, trax.layers.combinators.Parallel.
    """

    def __init__(self, *sublayers, name=None):
        if len(sublayers) < 2:
            raise ValueError(f'Parallel: expected at least two layers, got {len(sublayers)}')
        layers = _side_by_side(sublayers, 'Parallel')
        super().__init__(
            sum(layer.n_in for layer in layers), sum(layer.n_out for layer in layers), name=name
        )
        self._sublayers = tuple(layers)

    def _spans(self, inputs):
        start, items = 0, as_items(inputs)
        for layer in self._sublayers:
            yield as_stack(items[start : start + layer.n_in])
            start += layer.n_in

    def init_through(self, inputs, context, notebook):
        weights, state, outputs = [], [], ()
        for label, layer, x in zip(
            self._tl_labels, self._sublayers, self._spans(inputs), strict=True
        ):
            w, s, y = passes.initialise(layer, x, context.child(label), notebook)
            weights.append(w)
            state.append(s)
            outputs += as_items(y)
        return tuple(weights), tuple(state), as_stack(outputs)

    def apply_fn(self, x, weights, state, context):
        check_parts(self, state)
        new_state, outputs = [], ()
        for i, (label, part) in enumerate(zip(self._tl_labels, self._spans(x), strict=True)):
            layer = self._sublayers[i]
            y, s = passes.apply(layer, part, weights[i], state[i], context.child(label))
            new_state.append(s)
            outputs += as_items(y) if layer.n_out != 1 else (y,)
        return as_stack(outputs), tuple(new_state)


def Branch(*layers, name='Branch') -> Layer:
    """Returns layers side by side, each applied to a copy of the top of the stack.

    For F: 1 -> 1, G: 3 -> 1 and H: 2 -> 2, Branch(F, G, H) takes a, b, c and gives F(a),
    G(a, b, c), H(a, b)[0], H(a, b)[1]. None and [] pass the top item through. One layer alone
    comes back as it is.

    Source: Trax 1.4.1, trax.layers.combinators.Branch.
    """
    parts = _side_by_side(layers, 'Branch')
    if len(parts) == 1:
        return parts[0]
    parallel = Parallel(*parts)
    indices = flatten([list(range(layer.n_in)) for layer in parts])
    return Serial(Select(indices), parallel, name=name, sublayers_to_print=list(layers))


def _side_by_side(layers, who):
    """Returns the layers, None and lists made Serial, after checking that each takes something."""
    layers = [Serial(s) if s is None or isinstance(s, tuple | list) else s for s in layers]
    if not layers:
        raise ValueError(f'{who}: expected at least one layer')
    for layer in ensure_layers(layers, who):
        if layer.n_in == 0:
            raise ValueError(f'{who}: {layer._name} takes no input, so it has no span')
    return layers


def Residual(*layers, shortcut=None) -> Serial:
    """Returns a series of layers with a way around it: y = shortcut(x) + layers(x).

    A series that takes more than x may give more than y, such as attention that gives back its
    mask: what it gives below its first output stays below y.

    Args:
      *layers: the series.
      shortcut: a layer for the way around; None adds x itself.

    Raises:
      ValueError: no layers, a shortcut that does not give one output, or a series that gives
        nothing, or more than it takes.

    Source: He et al. 2015, Deep Residual Learning, arXiv 1512.03385, equation 1.
    """
    series = ensure_layers(flatten(layers), 'Residual')
    if not series:
        raise ValueError('Residual: expected at least one layer')
    main = series[0] if len(series) == 1 else Serial(series)
    for part, most in ((main, max(main.n_in, 1)), (shortcut, 1)):
        if isinstance(part, Layer) and not 1 <= part.n_out <= most:
            raise ValueError(
                f'Residual: {part._name} gives {part.n_out} outputs; a sum takes one from each side'
            )
    return Serial(Branch(shortcut, main), Add())
