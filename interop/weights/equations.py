"""The equations of a convention, with the names of its arrays."""

from .convention import GATES, Bias, Convention, Kernel

_GATES = {'u': 'update gate', 'r': 'reset gate', 'c': 'candidate'}
_LSTM = {'i': 'input gate', 'j': 'candidate', 'f': 'forget gate', 'o': 'output gate'}
LEGENDS = {'gru': _GATES, 'lstm': _LSTM, 'rnn': {}}


def equations(convention: Convention) -> list[str]:
    """Returns one step: a line for each gate, then the new state.

    Brackets behind the name of an array are a gate's block of it.
    """
    if convention.cell == 'rnn':
        return [f"h' = {convention.activations[0]}({_inside('s', convention)})"]
    lines = []
    for g in GATES[convention.cell]:
        activation = 'tanh' if g in 'cj' else 'sigmoid'
        lines.append(f'{g} = {activation}({_inside(g, convention)})')
    if convention.cell == 'lstm':
        return [*lines, "c' = f * c + i * j", "h' = o * tanh(c')"]
    old, new = ('u', '(1 - u)') if convention.update == 'keeps_old' else ('(1 - u)', 'u')
    return [*lines, f"h' = {old} * h + {new} * c"]


def _inside(g, convention):
    """Returns what the activation of a gate is applied to."""
    resets = convention.cell == 'gru' and g == 'c'
    h = 'r * h' if resets and convention.reset == 'before' else 'h'
    operands = {'x': 'x', 'h': f'({h})' if '*' in h else h, 'xh': f'[x, {h}]'}
    of_x, of_h, biases = [], [], []
    for a in convention.arrays:
        if isinstance(a, Kernel) and g in a.gates:
            factors = [operands[a.of], _block(a, g)]
            product = ' '.join(factors[::-1] if a.outputs_first else factors)
            (of_x if a.of == 'x' else of_h).append(product)
        elif isinstance(a, Bias) and g in a.gates:
            apart = {'x': of_x, 'h': of_h} if g in convention.two_biases else {}
            for part in a.of:
                apart.get(part, biases).append(_block(a, g, part))
    if g in convention.two_biases:
        of_h = [f'r * ({" + ".join(of_h)})']
    shift = convention.shift.get(g)
    return ' + '.join(of_x + of_h + biases + ([f'{shift:g}'] if shift else []))


def _block(a, g, part=''):
    """Returns the name of a gate's block of an array."""
    parts = [part] if part and len(a.of) > 1 else []
    inner = parts + ([g] if len(a.gates) > 1 else [])
    name = a.name.replace('/', '.')
    return f'{name}[{", ".join(inner)}]' if inner else name
