"""PyTorch: nn.GRU, LSTM and RNN of any depth, in one direction or both, and nn.GRUCell and kin."""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...combinators import Layer, mismatch
from .cells import arrays_of, cell_of, chosen, n_gates, weights_of
from .convention import Bias, Convention, Kernel
from .stacks import backwards, cells_of, stacked


def _convention(name, cell, gates, **options):
    arrays = (
        Kernel('weight_ih', 'x', gates, outputs_first=True),
        Kernel('weight_hh', 'h', gates, outputs_first=True),
        Bias('bias_ih', 'x', gates),
        Bias('bias_hh', 'h', gates),
    )
    return Convention(name, cell, arrays, **options)


CONVENTIONS = (
    _convention('torch.GRU', 'gru', 'ruc', reset='after'),
    _convention('torch.LSTM', 'lstm', 'ifjo'),
    _convention('torch.RNN', 'rnn', 's'),
)
_BY_GATES = {len(c.arrays[0].gates): c for c in CONVENTIONS}
_NAME = re.compile(r'(weight_ih|weight_hh|bias_ih|bias_hh)(?:_l(\d+)(_reverse)?)?')


def from_torch(source: Any, activation: str | None = None, **options: Any) -> Layer:
    """Returns the layer that computes what a recurrent module of PyTorch does.

    A module's `batch_first` and `dropout` are not weights: inputs here are (batch, time,
    features) always.

    Args:
      source: an nn.GRU, nn.LSTM, nn.RNN or one of their cells, or its state_dict of arrays.
      activation: of an nn.RNN, 'tanh' or 'relu'; the module's by default.
      options: padding, initial_state, return_state and mode, see `stacked`; states of several
        layers are in PyTorch's order, that of an LSTM is [c, h].

    Raises:
      ValueError: arrays are missing, unknown (as those of an LSTM with proj_size) or do not fit.
    """
    activation = activation or getattr(source, 'nonlinearity', None)
    places = _by_place(getattr(source, 'state_dict', lambda: source)())
    convention = _BY_GATES[n_gates(places[0, 0]['weight_hh'], outputs_first=True)]
    layers = [[] for _ in range(1 + max(depth for depth, _ in places))]
    for (depth, _), arrays in sorted(places.items()):
        cell = cell_of(arrays, convention, activation)
        layers[depth].append((cell, weights_of(cell, arrays, convention)))
    return stacked(layers, **options)


def to_torch(layer: Layer, bias: bool = True) -> dict[str, np.ndarray]:
    """Returns the state_dict, of NumPy arrays, of the nn.GRU, LSTM or RNN that computes the same.

    PyTorch adds two biases where there is one: the second is zero.

    Args:
      layer: a recurrent layer, a stack of them, Bidirectional ones.
      bias: whether the module has biases.

    Raises:
      ValueError: PyTorch has no such layer, as for GRUCell(reset='before'), or for a layer
        that only goes backwards.
    """
    if any(backwards(layer)):
        fix = 'Convert layer.reversed(), and turn x and y of the module around: x.flip(1).'
        raise mismatch('to PyTorch: the direction', 'forwards, or both', 'backwards alone', fix)
    arrays = {}
    for depth, cells in enumerate(cells_of(layer)):
        for back, (cell, weights) in enumerate(cells):
            convention = chosen(CONVENTIONS, cell)
            convention = convention if bias else convention.without_biases()
            for name, array in arrays_of(cell, weights, convention).items():
                arrays[f'{name}_l{depth}{"_reverse" * back}'] = np.asarray(array)
    return arrays


def _by_place(state_dict: Mapping[str, Any]) -> dict[tuple[int, int], dict[str, Any]]:
    """Returns the arrays of each cell, by its depth and whether it goes back."""
    places = {}
    for name, tensor in state_dict.items():
        found = _NAME.fullmatch(name)
        if not found:
            fix = 'weight_hr is of an LSTM with proj_size, which is not here.'
            raise mismatch('a name in the state_dict', 'such as weight_ih_l0', repr(name), fix)
        part, depth, back = found.groups()
        places.setdefault((int(depth or 0), int(back is not None)), {})[part] = _array(tensor)
    if (0, 0) not in places or 'weight_hh' not in places[0, 0]:
        got = ', '.join(state_dict) or 'nothing'
        raise mismatch('the state_dict', 'weight_hh_l0 and others', got)
    return places


def _array(tensor):
    if not hasattr(tensor, 'detach'):
        return tensor
    tensor = tensor.detach().cpu()
    return np.asarray(tensor.float() if tensor.dtype.itemsize < 4 else tensor)
