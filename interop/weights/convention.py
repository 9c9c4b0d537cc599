"""Convention: how somebody lays out and computes a recurrent cell, written as data.

Gates have letters. GRU: u update, r reset, c candidate. LSTM: i input, j candidate, f forget,
o output. RNN: s, the new state. A part is x (the input's) or h (the state's).

An array splits into blocks, one for each gate and part, and is joined from them.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

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


def _joined(parts, axis):
    if len(parts) == 1:
        return parts[0]
    numpy = all(isinstance(p, np.ndarray) for p in parts)
    return (np if numpy else jnp).concatenate(parts, axis)
