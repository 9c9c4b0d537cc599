"""Convention: how somebody lays out and computes a recurrent cell, written as data.

Gates have letters. GRU: u update, r reset, c candidate. LSTM: i input, j candidate, f forget,
o output. RNN: s, the new state. A part is x (the input's) or h (the state's).

Every convention is read into the same blocks, one for each gate and part, and written from them:
so two functions, and data for each framework, convert between any two.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np

from ...combinators import mismatch

Arrays = Mapping[str, Any]
Blocks = dict[tuple[str, str], Any]  # by part and gate

Part = Literal['x', 'h', 'xh']
GATES = {'gru': 'urc', 'lstm': 'ijfo', 'rnn': 's'}


@dataclasses.dataclass(frozen=True)
class Kernel:
    """An array of kernels: the rows of its parts one below the other, the gates side by side."""

    name: str
    of: Part
    gates: str
    outputs_first: bool = False  # whether it is stored transposed, as W of W x

    def split(self, array: Any) -> Blocks:
        """Returns the blocks: (d, n) of x, (n, n) of h."""
        array = array.T if self.outputs_first else array
        n = array.shape[1] // len(self.gates)
        both = {'x': array[: len(array) - n], 'h': array[-n:]}
        rows = both if self.of == 'xh' else {self.of: array}
        return {
            (part, gate): block[:, i * n : (i + 1) * n]
            for part, block in rows.items()
            for i, gate in enumerate(self.gates)
        }

    def join(self, blocks: Blocks) -> Any:
        """Returns the array from blocks."""
        rows = [_joined([blocks[part, gate] for gate in self.gates], 1) for part in self.of]
        array = _joined(rows, 0)
        return array.T if self.outputs_first else array


@dataclasses.dataclass(frozen=True)
class Bias:
    """An array of biases: the gates side by side, and the parts after one another."""

    name: str
    of: Part
    gates: str
    in_rows: bool = False  # whether each part is a row

    def split(self, array: Any) -> Blocks:
        """Returns the blocks (n,)."""
        places = [(part, gate) for part in self.of for gate in self.gates]
        array = array.reshape(-1)
        n = len(array) // len(places)
        return {place: array[i * n : (i + 1) * n] for i, place in enumerate(places)}

    def join(self, blocks: Blocks) -> Any:
        """Returns the array from blocks."""
        array = _joined([blocks[part, gate] for part in self.of for gate in self.gates], 0)
        return array.reshape(len(self.of), -1) if self.in_rows else array


@dataclasses.dataclass(frozen=True)
class Convention:
    """What one name of a framework means.

    Fields:
      name: such as 'torch.GRU'.
      cell: which of our cells it is.
      arrays: the arrays of it.
      reset: of a GRU, whether the reset gate acts before or after the product.
      update: of a GRU, which state an update gate of 1 takes.
      shift: what is added to the biases of gates when it runs.
      activations: of an RNN, those that it can have, its default first.
    """

    name: str
    cell: Literal['gru', 'lstm', 'rnn']
    arrays: tuple[Kernel | Bias, ...]
    reset: Literal['before', 'after'] = 'before'
    update: Literal['keeps_old', 'keeps_new'] = 'keeps_old'
    shift: Mapping[str, float] = dataclasses.field(default_factory=dict)
    activations: tuple[str, ...] = ('tanh', 'relu')

    @property
    def two_biases(self) -> str:
        """The gates where a bias of x's part and one of h's are not the same thing."""
        return 'c' if self.cell == 'gru' and self.reset == 'after' else ''

    def without_biases(self) -> 'Convention':
        """Returns this convention without arrays for biases."""
        kernels = tuple(a for a in self.arrays if isinstance(a, Kernel))
        return dataclasses.replace(self, arrays=kernels)


class Gate(NamedTuple):
    """What one gate computes: activation(x of_x + h of_h + bias), whoever laid it out."""

    of_x: Any  # (d, n)
    of_h: Any  # (n, n)
    bias: Any  # (n,)
    of_h_bias: Any = None  # (n,): inside of what a reset gate after the product multiplies


def convert(arrays: Arrays, source: Convention, target: Convention) -> dict[str, Any]:
    """Returns the arrays of another convention that compute the same.

    Raises:
      ValueError: the target cannot compute it, or arrays are missing, unknown or of other shapes.
    """
    check_same_cell(source, target)
    return write(read(arrays, source), target)


def check_same_cell(source: Convention, target: Convention) -> None:
    """Raises unless weights can make both compute the same."""
    if source.cell != target.cell:
        what = f'from {source.name} to {target.name}'
        kinds = [c.cell.upper() for c in (target, source)]
        raise mismatch(what, f'weights of a {kinds[0]}', f'those of a {kinds[1]}')
    if source.cell == 'gru' and source.reset != target.reset:
        raise mismatch(
            f'from {source.name} to {target.name}: the reset gate',
            f'{target.reset} the product with the recurrent matrix',
            f'{source.reset} it',
            'No weights make the two equal; train the other kind.',
        )


def read(arrays: Arrays, convention: Convention) -> dict[str, Gate]:
    """Returns what each gate computes, from the arrays of a convention."""
    _check_names(arrays, convention)
    kernels, biases = {}, {}
    for a in convention.arrays:
        if isinstance(a, Kernel):
            kernels.update(a.split(arrays[a.name]))
        elif arrays.get(a.name) is not None:
            biases.update(a.split(arrays[a.name]))
    _check_shapes(kernels, biases, convention)
    return {g: _gate(g, kernels, biases, convention) for g in GATES[convention.cell]}


def write(gates: Mapping[str, Gate], convention: Convention) -> dict[str, Any]:
    """Returns the arrays of a convention whose gates compute that."""
    kernels, biases = {}, {}
    for g, gate in gates.items():
        gate = _turned(gate) if _turns(g, convention) else gate
        kernels.update({('x', g): gate.of_x, ('h', g): gate.of_h})
        biases.update(_bias_blocks(g, gate, convention))
    return {a.name: a.join(kernels if isinstance(a, Kernel) else biases) for a in convention.arrays}


def _gate(g, kernels, biases, convention):
    of_x, of_h = kernels['x', g], kernels['h', g]
    zeros = _zeros(of_h)
    x_bias, h_bias = biases.get(('x', g), zeros), biases.get(('h', g))
    if g in convention.two_biases:
        gate = Gate(of_x, of_h, x_bias, h_bias)
    else:
        shift = convention.shift.get(g, 0)
        bias = x_bias if h_bias is None else x_bias + h_bias
        gate = Gate(of_x, of_h, bias + shift if shift else bias)
    return _turned(gate) if _turns(g, convention) else gate


def _turns(g, convention):
    """Whether a gate is 1 minus what it is among the blocks."""
    return g == 'u' and convention.update == 'keeps_new'


def _turned(gate):
    return Gate(-gate.of_x, -gate.of_h, -gate.bias)  # sigmoid(-a) = 1 - sigmoid(a)


def _bias_blocks(g, gate, convention):
    """Returns the blocks of a gate's biases, for the places that a convention has."""
    places = [p for a in convention.arrays if isinstance(a, Bias) and g in a.gates for p in a.of]
    shift = convention.shift.get(g, 0)
    values = {'x': gate.bias - shift if shift else gate.bias, 'h': gate.of_h_bias}
    if g not in convention.two_biases and places == ['h']:
        values = {'h': values['x'], 'x': None}
    for part, value in values.items():
        if part not in places and value is not None and np.any(np.asarray(value)):
            what = f'to {convention.name}: the {_WHICH[part]} of gate {g}'
            raise mismatch(what, 'zeros, for it has no place there', 'other numbers')
    zeros = _zeros(gate.of_h)
    return {(part, g): zeros if values[part] is None else values[part] for part in places}


_WHICH = {'x': 'bias', 'h': "bias of the state's part"}


def _check_names(arrays, convention):
    missing = [a.name for a in convention.arrays if isinstance(a, Kernel) and a.name not in arrays]
    unknown = sorted(set(arrays) - {a.name for a in convention.arrays})
    if missing or unknown:
        expected = ', '.join(a.name for a in convention.arrays)
        raise mismatch(f'arrays of {convention.name}', expected, ', '.join(map(str, arrays)))


def _check_shapes(kernels, biases, convention):
    d, n = kernels['x', GATES[convention.cell][0]].shape
    shapes = {'x': (d, n), 'h': (n, n)}
    wrong = [(p, g, k.shape, shapes[p]) for (p, g), k in kernels.items() if k.shape != shapes[p]]
    wrong += [(p, g, b.shape, (n,)) for (p, g), b in biases.items() if b.shape != (n,)]
    if wrong:
        part, gate, got, expected = wrong[0]
        what = f'arrays of {convention.name}: those of gate {gate} and of {part}'
        raise mismatch(
            what, expected, got, f'Gate {GATES[convention.cell][0]} has {d} inputs and {n} units.'
        )


def _joined(parts, axis):
    if len(parts) == 1:
        return parts[0]
    numpy = all(isinstance(p, np.ndarray) for p in parts)
    return (np if numpy else jnp).concatenate(parts, axis)


def _zeros(kernel):
    return np.zeros(kernel.shape[1:], kernel.dtype)
