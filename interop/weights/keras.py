"""Keras 3: GRU with reset_after either way, LSTM, SimpleRNN, and Bidirectional of them."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...combinators import Layer, mismatch
from .cells import arrays_of, cell_of, chosen, n_gates, weights_of
from .convention import Bias, Convention, Kernel, Part
from .stacks import cells_of, stacked


def _convention(name, cell, gates, bias_of: Part = 'x', **options):
    arrays = (
        Kernel('kernel', 'x', gates),
        Kernel('recurrent_kernel', 'h', gates),
        Bias('bias', bias_of, gates, in_rows=bias_of == 'xh'),
    )
    return Convention(name, cell, arrays, **options)


CONVENTIONS = (
    _convention('keras.GRU', 'gru', 'urc', 'xh', reset='after'),
    _convention('keras.GRU(reset_after=False)', 'gru', 'urc'),
    _convention('keras.LSTM', 'lstm', 'ifjo'),
    _convention('keras.SimpleRNN', 'rnn', 's', activations=('tanh', 'relu', 'sigmoid', 'linear')),
)
_NAMES = ('kernel', 'recurrent_kernel', 'bias')


def from_keras(
    source: Any, activation: str | None = None, reset_after: bool | None = None, **options: Any
) -> Layer:
    """Returns the layer that computes what recurrent layers of Keras do.

    Args:
      source: a GRU, LSTM, SimpleRNN, one of their cells, or a Bidirectional of them, or a list of
        such layers, one above the other; or what get_weights() of one gives.
      activation: of a SimpleRNN; the layer's, or 'tanh'.
      reset_after: of a GRU; the layer's, or what the shape of the bias says, or True, which is
        Keras's default.
      options: padding, initial_state, return_state and mode, see `stacked`. Outputs of a layer
        that goes backwards are in the order of time, which Keras's are not.

    Raises:
      ValueError: arrays do not fit, activations are others than Keras's defaults, or a merge_mode
        is another than 'concat'.
    """
    arrays = isinstance(source, Sequence) and all(hasattr(a, 'shape') for a in source)
    sources = source if isinstance(source, Sequence) and not arrays else [source]
    back = any(getattr(s, 'go_backwards', False) for s in sources)
    if back and len(sources) > 1:
        fix = 'Keras leaves its outputs in the order of its steps. Convert the layers one by one.'
        raise mismatch('go_backwards', 'one layer', len(sources), fix)
    layers = [_cells(s, activation, reset_after) for s in sources]
    return stacked(layers, reverse=back, **options)


def to_keras(layer: Layer, bias: bool = True) -> list[list[np.ndarray]]:
    """Returns the arrays that set_weights of Keras's layers takes, a list for each layer.

    A GRUCell(reset='before') is a keras.layers.GRU(reset_after=False).

    Args:
      layer: a recurrent layer, a stack of them, Bidirectional ones.
      bias: whether the layers have biases (use_bias).

    Raises:
      ValueError: Keras has no such layer.
    """
    layers = []
    for cells in cells_of(layer):
        arrays = []
        for cell, weights in cells:
            convention = chosen(CONVENTIONS, cell)
            convention = convention if bias else convention.without_biases()
            arrays += map(np.asarray, arrays_of(cell, weights, convention).values())
        layers.append(arrays)
    return layers


def _cells(source, activation, reset_after):
    """Returns the cells of one layer with their weights, for each direction."""
    both = [getattr(source, name, None) for name in ('forward_layer', 'backward_layer')]
    if both[0] is not None:
        if (mode := getattr(source, 'merge_mode', 'concat')) != 'concat':
            raise mismatch("Bidirectional's merge_mode", "'concat'", repr(mode))
        return [cell for one in both for cell in _cells(one, activation, reset_after)]
    arrays = source.get_weights() if hasattr(source, 'get_weights') else list(source)
    if len(arrays) > 3:
        half = len(arrays) // 2
        parts = arrays[:half], arrays[half:]
        return [cell for part in parts for cell in _cells(part, activation, reset_after)]
    named: dict[str, Any] = dict(zip(_NAMES, arrays, strict=False))
    if len(named) < 2:
        raise mismatch('the weights', 'kernel, recurrent_kernel and bias', f'{len(named)} arrays')
    reset_after = getattr(source, 'reset_after', reset_after)
    activation = activation or _activation(source)
    convention = _convention_of(named, reset_after)
    _check_activations(source, convention)
    cell = cell_of(named, convention, activation if convention.cell == 'rnn' else None)
    return [(cell, weights_of(cell, named, convention))]


def _convention_of(named, reset_after):
    gates = n_gates(named['recurrent_kernel'], outputs_first=False)
    same = [c for c in CONVENTIONS if len(c.arrays[0].gates) == gates]
    if reset_after is None:
        bias = named.get('bias')
        reset_after = bias is None or len(bias.shape) == 2
    return same[0] if reset_after else same[-1]


def _activation(source, name='activation'):
    return getattr(getattr(source, name, None), '__name__', None)


def _check_activations(source, convention):
    if convention.cell == 'rnn':
        return
    for name, expected in (('activation', 'tanh'), ('recurrent_activation', 'sigmoid')):
        got = _activation(source, name)
        if got not in (None, expected):
            raise mismatch(f'{convention.name}: {name}', repr(expected), repr(got))
