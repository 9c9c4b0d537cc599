"""Law 4: a step keeps structure, shapes and dtypes of the state."""

import jax

from .closeness import other_kind
from .finding import Finding, broken, kept, place
from .places import owner_of_state
from .subject import ROWS, VIEWS, Subject


def a_step_keeps_the_kind_of_state(subject: Subject) -> Finding:
    """Takes two steps in every mode; also after `init` at another length."""
    start = None
    for mode, carry in VIEWS:
        view = subject.view(mode, carry)
        start = state = view.new_state(ROWS)
        for seed in range(2):
            _, state = subject.run(view, subject.draw(seed), state)
            found = other_kind(state, start)
            if found:
                where = place(owner_of_state(subject.model, state, start))
                return broken(f'in {mode} after step {seed + 1}: {found}', where)
        made = view.init(subject.signature(t=2))[1]
        found = other_kind(jax.tree.leaves(made), jax.tree.leaves(start))
        if found:
            return broken(f'in {mode} the initial state depends on the length: {found}')
    return kept(f'{len(jax.tree.leaves(start))} arrays in predict stay of their kind')
