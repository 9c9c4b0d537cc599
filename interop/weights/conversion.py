"""From the arrays of any convention to those of any other, by way of what each gate computes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from ...combinators import mismatch
from .convention import GATES, Bias, Convention, Kernel

Arrays = Mapping[str, Any]


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
        raise mismatch(what, expected, got, f'Others are of {d} inputs and {n} units.')


def _zeros(kernel):
    return np.zeros(kernel.shape[1:], kernel.dtype)
