"""explain_difference: how two conventions of a recurrent cell differ, in words and equations."""

from typing import Any

from ...combinators import Layer, leaves, mismatch
from ...layers import Recurrent, RecurrentCell
from .cells import ours
from .convention import GATES, Bias, Convention, Kernel
from .equations import equations
from .params import named


def explain_difference(a: Any, b: Any) -> str:
    """Returns how two recurrent cells differ, and what that means for weights, as text.

    Args:
      a: a layer, a cell, a framework, such as 'torch' or 'keras', or one of its cells, such as
        'haiku.LSTM'. A framework is of the cell that b is, or its GRU.
      b: the same.

    Raises:
      ValueError: an unknown name, a layer without recurrent cell, or a GRU beside an LSTM.
    """
    one, other = _resolved(a, b), _resolved(b, a)
    if one.cell != other.cell:
        raise mismatch('what to compare', 'cells of one kind', f'{one.name} and {other.name}')
    topics = [(said, fact(one), fact(other)) for fact, said in _TOPICS]
    differing = [(said, *facts) for said, *facts in topics if facts[0] != facts[1]]
    if not differing:
        return f'{one.name} and {other.name} are the same.'
    paragraphs = [f'{one.name} and {other.name} differ.']
    for said, *facts in differing:
        texts = [f'  {c.name}:{fact}' for c, fact in zip((one, other), facts, strict=True)]
        paragraphs.append('\n'.join([said, *texts]))
    return '\n\n'.join(paragraphs)


def _resolved(thing, other) -> Convention:
    if not isinstance(thing, str):
        return _of_layer(thing)
    found = named(thing)
    kind = None
    if not isinstance(other, str):
        kind = _of_layer(other).cell
    elif '.' in other:
        kind = named(other)[0].cell
    return next((c for c in found if c.cell == kind), found[0])


def _of_layer(layer) -> Convention:
    parts = leaves(layer) if isinstance(layer, Layer) else []
    cells = [p.cell if isinstance(p, Recurrent) else p for p in parts]
    found = [ours(c) for c in cells if isinstance(c, RecurrentCell)]
    if not found or any(c != found[0] for c in found):
        got = 'several' if found else repr(layer)
        raise mismatch('what to compare', 'a layer with one kind of recurrent cell', got)
    return found[0]


def _reset(c):
    return f' {c.reset} the product' if c.cell == 'gru' else ''


def _update(c):
    return ' the old state' if c.update == 'keeps_old' else ' the new one'


def _shift(c):
    return ', '.join(f' {shift:g} to gate {g}' for g, shift in c.shift.items()) or ' nothing'


def _activation(c):
    return f' {c.activations[0]}' if c.cell == 'rnn' else ''


def _biases(c):
    arrays = [a for a in c.arrays if isinstance(a, Bias)]
    places = {g: [p for a in arrays if g in a.gates for p in a.of] for g in GATES[c.cell]}
    return ','.join(f' {g} of {" and of ".join(ps) or "none"}' for g, ps in places.items())


def _layout(c):
    return ''.join(f'\n    {a.name} {_shape(a)}' for a in c.arrays)


def _shape(a):
    k = f'{len(a.gates)}n' if len(a.gates) > 1 else 'n'
    gates = f' of {", ".join(a.gates)}' if len(a.gates) > 1 else f' of {a.gates}'
    if isinstance(a, Kernel):
        rows = {'x': 'd', 'h': 'n', 'xh': 'd+n'}[a.of]
        return (f'({k}, {rows})' if a.outputs_first else f'({rows}, {k})') + gates
    both = f'(2, {k})' if a.in_rows else f'({len(a.gates) * len(a.of)}n,)'
    return (both if len(a.of) > 1 else f'({k},)') + gates


def _equations(c):
    return ''.join(f'\n    {line}' for line in equations(c))


_TOPICS = (
    (_reset, 'Where the reset gate acts: no weights make the two equal.'),
    (_update, 'What an update gate of 1 takes: 1 - sigmoid(a) = sigmoid(-a), so signs change.'),
    (_shift, 'What is added when it runs: it moves into the bias.'),
    (_activation, 'The default activation.'),
    (_biases, 'Biases of gates, of the part of x or of h: the sum counts, but within r * (...).'),
    (_layout, 'Arrays, for d inputs and n units.'),
    (_equations, 'Equations.'),
)
