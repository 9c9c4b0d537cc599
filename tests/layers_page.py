"""The table of all layers: what each takes, gives, keeps and is, asked of the layers themselves.

python tests/layers_page.py
"""

import inspect
from pathlib import Path
from typing import Any

import jax
import registry

from retrax import layers as tl
from retrax import models
from retrax.inspection import laws

PAGE = Path(__file__).resolve().parent.parent / 'docs/layers.md'
HEAD = """# All layers

One row for each word of `retrax.layers` and `retrax.models`, with an example from
tests/registry.py, over which all laws run (docs/laws.md). `b` is the batch and `t` is time; a tuple
is several items on the stack, the top first.

- in, out: how many items it takes from the stack and puts there.
- state: what it keeps in predict mode for a batch of `b`, or how many arrays where they are many.
- is: *steps* (predict goes on from its state), *looks ahead* (outputs depend on later inputs),
  *couples rows* of a batch, *draws* random numbers, *keeps statistics* of all batches, *stops
  gradients*; with the modes, where it is not so in all three. Empty: nothing of it.
- laws: the numbers of those that say something of the example; all of them hold, and the tests
  look at each.

This page is generated: `python tests/layers_page.py`.
"""
FOLDERS = {'combinators': 'Combinators', 'layers': 'Layers', 'models': 'Models'}
MANY = 4
COLUMNS = ('name', 'in, out', 'takes', 'gives', 'state', 'is', 'laws', 'source')


def page() -> str:
    """The page docs/layers.md."""
    cases = {case.name.partition(':')[0]: case for case in reversed(registry.CASES)}
    parts = [HEAD]
    for folder, title in FOLDERS.items():
        names = sorted(n for n in registry.public_names() if folder_of(n) == folder)
        rows = [COLUMNS, ('---',) * len(COLUMNS), *(row(n, cases[n]) for n in names)]
        parts.append(f'\n## {title}\n\n' + ''.join(f'| {" | ".join(r)} |\n' for r in rows))
    return ''.join(parts)


def word(name: str) -> Any:
    """What a public name is."""
    return getattr(models, name, None) or getattr(tl, name)


def folder_of(name: str) -> str:
    """The folder in which a public name is written."""
    return word(name).__module__.split('.')[1]


def row(name: str, case: registry.Case) -> tuple[str, ...]:
    """What the page says of a name."""
    model, state = case.make(), state_of(case)
    outputs = model.output_signature(case.signature())
    return (
        f'`{name}`',
        f'{model.n_in}, {model.n_out}',
        code(case.signature()),
        code(outputs),
        code(state) if len(state) <= MANY else f'{len(state)} arrays',
        ', '.join(properties(model)),
        ' '.join(map(str, sorted(laws_of(case, outputs)))),
        source_of(name),
    )


def code(signature: Any) -> str:
    """A signature for people; nothing for nothing."""
    leaves = jax.tree.leaves(signature)
    text = ', '.join(map(repr, leaves))
    return f'`{text if len(leaves) == 1 else f"({text})"}`' if leaves else ''


def state_of(case: registry.Case) -> Any:
    """The signature of what it keeps in predict: what changes with the size of the batch is 'b'."""
    predict = case.make().as_mode('predict')
    two, three = (
        jax.tree.leaves(predict.weights_and_state_signature(case.signature(b=b, t=4))[1])
        for b in (2, 3)
    )
    pairs = zip(two, three, strict=True)
    return [tl.ShapeDtype(named(s.shape, other.shape), s.dtype) for s, other in pairs]


def named(shape: Any, other: Any) -> list[Any]:
    """The sizes of a shape, 'b' where another batch has another."""
    return [m if m == n else 'b' for m, n in zip(shape, other, strict=True)]


def properties(model: tl.Layer) -> list[str]:
    """What a model says that it is, in words."""
    said = laws.Declared(model)
    by_mode = {
        'looks ahead': said.looks_ahead,
        'couples rows': said.couples_rows,
        'draws': said.draws,
    }
    always = {
        'steps': said.has_memory,
        'keeps statistics': said.keeps_statistics,
        'stops gradients': said.stops_gradient,
    }
    modes = {what: [m for m in tl.MODES if claim(m)] for what, claim in by_mode.items()}
    return [what for what, is_so in always.items() if is_so] + [
        what if len(found) == len(tl.MODES) else f'{what} in {" and ".join(found)}'
        for what, found in modes.items()
        if found
    ]


def laws_of(case: registry.Case, outputs: Any) -> set[int]:
    """The numbers of the laws that say something of a case; those of shapes are in test_laws.py."""
    leaves = jax.tree.leaves(outputs)
    has_rows = all(str(s.shape[:1]) == "('b',)" for s in leaves)
    has_steps = has_rows and all(str(s.shape[1:2]) == "('t',)" for s in leaves)
    is_loss = any(isinstance(kind, registry.LossWeights) for kind in jax.tree.leaves(case.inputs))
    by_axis = ({8} if has_rows else set()) | ({3, 7} if has_steps else set())
    return {1, 2, 4, 5, 9, 10, 11} | by_axis | ({6} if is_loss else set())


def source_of(name: str) -> str:
    """The source that the docstring names, on one line."""
    _, _, text = (inspect.getdoc(word(name)) or '').partition('\nSource: ')
    return ' '.join(text.partition('\n\n')[0].split()).replace('|', '\\|')


if __name__ == '__main__':
    PAGE.write_text(page(), encoding='utf-8')
