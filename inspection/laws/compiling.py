"""Law 2: compiling changes nothing, and a batch is its rows."""

import jax

from ...combinators import LayerError
from ...combinators.errors import needs_values
from .closeness import not_close
from .declared import judged
from .dependence import first_that_couples_rows
from .finding import Finding, broken, does_not_apply, kept, place_of
from .subject import KEY, ROWS, Subject


def compiling_changes_nothing(subject: Subject) -> Finding:
    """Compares a compiled call with one op by op, in train and predict."""
    x = subject.draw(0)
    for mode in ('train', 'predict'):
        view = subject.view(mode)
        state = view.new_state(ROWS)
        plain = view.pure_fn(x, view.weights, state, KEY)
        try:
            compiled = subject.program(view, x, state, KEY)(x, view.weights, state, KEY)
        except LayerError as error:
            if not needs_values(error):
                raise
            return broken('it needs Python values, so it cannot be compiled', place_of(error))
        found = not_close(compiled, plain)
        if found:
            return broken(f'in {mode}: {found}')
    return kept('jit and op by op agree in train and predict')


def a_batch_is_its_rows(subject: Subject) -> Finding:
    """Compares a call on a batch with `vmap` over its rows, in eval."""
    if not subject.has_rows:
        return does_not_apply('not every output has a row for each row of the inputs')
    view, x = subject.view(), subject.draw(0)
    state = view.new_state(1)

    def row(x):
        one = subject.at_rows(lambda a: a[None], x)
        y, _ = view.pure_fn(one, view.weights, state, KEY)
        return jax.tree.map(lambda a: a[0], y)

    axes = subject.at_rows(lambda _: 0, jax.tree.map(lambda _: None, x))
    found = not_close(jax.jit(jax.vmap(row, (axes,)))(x), subject.once(view, x))
    was_seen = found and f'vmap over rows gives {found}'
    claim = subject.declared.couples_rows('eval')
    return judged(
        subject.model,
        'couple rows',
        claim,
        was_seen,
        'couples_rows',
        lambda: first_that_couples_rows(subject, view),
    )
