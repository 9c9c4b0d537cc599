"""Law 11: `as_mode` there and back is the same model."""

import jax

from .closeness import not_equal
from .finding import Finding, broken, kept
from .subject import KEY, Subject


def there_and_back(subject: Subject) -> Finding:
    """Goes to every mode, makes another state there, runs, and comes back."""
    model, x = subject.view('train'), subject.draw(0)
    expected = model(x, rng=KEY)
    for mode in ('train', 'eval', 'predict'):
        away = model.as_mode(mode)
        away.init(subject.signature(t=1))
        away(x)
        back = away.as_mode('train')
        if (back.mode, repr(back)) != ('train', repr(model)):
            return broken(f'back from {mode} it is {back!r} in {back.mode}')
        pairs = zip(jax.tree.leaves(back.weights), jax.tree.leaves(model.weights), strict=True)
        if not all(a is b for a, b in pairs):
            return broken(f'back from {mode} it has other weights')
        for same in (back, model):
            found = not_equal(same(x, rng=KEY), expected)
            if found:
                return broken(f'back from {mode}: {found}')
    return kept('train, eval, predict and back')
