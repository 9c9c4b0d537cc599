"""Law 10: the same seed gives the same, and only what says so draws."""

import jax
import numpy as np

from .closeness import not_close, not_equal
from .declared import judged
from .finding import Finding, broken, kept, place, seen
from .places import first_difference, outputs_of
from .subject import ROWS, Subject


def the_same_seed_gives_the_same(subject: Subject) -> Finding:
    """Compares weights, calls and runs op by op of equal seeds, and weights of another seed."""
    models = [subject.make() for _ in range(3)]
    for model, seed in zip(models, (5, 5, 6), strict=True):
        model.init(subject.signature(), rng=seed)
    one, two, other = (jax.tree.map(np.asarray, model.named_weights()) for model in models)
    found = not_equal(two, one)
    if found:
        return broken(f'weights of the same seed: {found}')

    view, x = subject.view('train'), subject.draw(0)
    runs = [outputs_of(view, x)[0] for _ in range(2)]
    found = not_equal(*({path: y for path, (_, y) in run.items()} for run in runs))
    if found:
        return broken(f'a second call with the same key: {found}', place(first_difference(runs)))
    view.rng = 5
    first = [view(x), view(x)]
    view.rng = 5
    found = not_equal([view(x), view(x)], first)
    if found:
        return broken(f'calls after rng = 5: {found}')
    same = [path for path in one if not _constant(one[path]) and np.all(one[path] == other[path])]
    if same:
        return seen(f'weights that no seed changes, though not constant: {", ".join(same)}')
    return kept('weights, calls, and runs op by op')


def _constant(w):
    return np.all(w == np.ravel(w)[:1])


def what_draws_is_declared(subject: Subject) -> Finding:
    """Compares two keys in every mode; a layer may draw in train only."""
    x, findings = subject.draw(0), []
    for mode in ('train', 'eval', 'predict'):
        view = subject.view(mode)
        state = view.new_state(ROWS)
        keys = [jax.random.PRNGKey(seed) for seed in (1, 1, 2)]
        one, again, two = (subject.run(view, x, state, key)[0] for key in keys)
        found = not_equal(again, one)
        if found:
            return broken(f'in {mode}, the same key gives {found}')
        found = not_close(two, one)
        finding = judged(
            subject.model,
            'draw',
            subject.declared.draws(mode),
            found and f'in {mode}, another key gives {found}',
            'draws',
            lambda view=view, keys=keys: first_difference(
                outputs_of(view, x, key=key)[0] for key in keys[1:]
            ),
        )
        if finding.verdict != 'kept':
            return finding
        findings.append(finding)
    return findings[0]
