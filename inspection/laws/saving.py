"""Law 9: saved and restored, a model gives the same outputs, bit for bit."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from .closeness import not_equal, other_kind
from .finding import Finding, broken, kept
from .subject import ROWS, Subject


def through_arrays(saved: Any, like: Any) -> Any:
    """Returns what was saved, as NumPy arrays, in the structure of `like`."""
    found = other_kind(saved, like)
    if found:
        raise ValueError(f'another model of the definition has other weights or state: {found}')
    return jax.tree.unflatten(jax.tree.structure(like), map(np.asarray, jax.tree.leaves(saved)))


def saved_and_restored(
    subject: Subject, save_and_restore: Callable[[Any, Any], Any] = through_arrays
) -> Finding:
    """Puts named weights and the state of a step into another model of the definition.

    Args:
      subject: the model.
      save_and_restore: takes a tree, and one like it from the other model; returns the first.
    """
    view, x = subject.view('predict'), subject.draw(0)
    expected, state = subject.run(view, x, view.new_state(ROWS))
    saved = {'weights': view.named_weights(), 'state': state}

    other = subject.make()
    other.init(subject.signature(), rng=99)
    again = other.as_mode('predict')
    like = {'weights': other.named_weights(), 'state': again.new_state(ROWS)}
    restored = save_and_restore(saved, like)
    other.set_named_weights(restored['weights'])
    again.keep_statistics(restored['state'])

    found = (
        not_equal(again.weights, view.weights)
        or not_equal(subject.run(again, x, again.new_state(ROWS)), (expected, state))
        or not_equal(subject.run(again, x, restored['state']), subject.run(view, x, state))
    )
    n = len(saved['weights'])
    return broken(found) if found else kept(f'{n} named weights and the state of predict')
