"""Law 1: promised shapes and dtypes are the actual ones, with names for sizes too."""

from typing import Any

import jax

from ...combinators import Observer, ShapeDtype, observing, signature
from .closeness import not_equal
from .declared import walk
from .finding import Finding, broken, does_not_apply, kept, place
from .places import outputs_of
from .subject import ROWS, STEPS, VIEWS, Subject


def promised_is_actual(subject: Subject) -> Finding:
    """Compares what `output_signature` says with two calls in a row, in every mode."""
    x, promised = subject.draw(0), None
    for mode, carry in VIEWS:
        view = subject.view(mode, carry)
        promised = view.output_signature(subject.signature())
        state = view.new_state(ROWS)
        for _ in range(2):
            y, state = subject.run(view, x, state)
            if signature(y) != promised:
                found = f'in {mode}: promised {promised}, got {signature(y)}'
                return broken(found, place(_first_other(subject, view, x)))
    return kept(f'{promised}, in every mode')


def _first_other(subject, view, x):
    """Returns the first layer that gives other than it promises."""
    record = _Promises()
    with observing(record):
        view.output_signature(subject.signature())
    outputs, state = outputs_of(view, x)
    for run in (outputs, outputs_of(view, x, state)[0]):
        for path, (layer, y) in run.items():
            if record.promised.get(path) not in (None, signature(y)):
                return layer, path
    return None


class _Promises(Observer):
    """The output signature of each layer by path."""

    def __init__(self):
        self.promised: dict[str, Any] = {}

    def made(self, layer, context, inputs, made):
        self.promised.setdefault(context.location, made[2])


def names_stand_for_sizes(subject: Subject) -> Finding:
    """Compares promises and weights for sizes with names with those for numbers."""
    late = [layer.name for layer in walk(subject.model) if not layer._tl_pure_init]
    if late:
        return does_not_apply(f'init_weights_and_state of {late[0]} needs numbers for all sizes')
    sizes, symbolic = {'b': ROWS, 't': STEPS}, None
    for mode, carry in VIEWS:
        view = subject.view(mode, carry)
        promised = view.output_signature(subject.signature())
        symbolic = view.output_signature(subject.inputs)
        if jax.tree.map(lambda s: _filled(s, sizes), symbolic) != promised:
            return broken(f'in {mode}: {promised} with numbers, {symbolic} with names')
    named, numbered = subject.make(), subject.make()
    named.init(subject.inputs, rng=0)
    numbered.init(subject.signature(), rng=0)
    found = not_equal(named.weights, numbered.weights)
    return broken(f'weights differ: {found}') if found else kept(str(symbolic))


def _filled(s, sizes):
    """Returns a signature with numbers for its names; sizes may be sums such as '2*t'."""
    return ShapeDtype([eval(str(d), {}, sizes) for d in s.shape], s.dtype)
