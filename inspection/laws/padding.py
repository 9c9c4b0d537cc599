"""Law 6: places of weight 0 do not count in a loss."""

import jax
import numpy as np

from .closeness import not_close, not_equal
from .finding import Finding, broken, does_not_apply, kept
from .subject import KEY, ROWS, Subject

NO_LOSS = does_not_apply('not a loss of (outputs, targets, weights)')


def weight_0_leaves_a_place_out(subject: Subject) -> Finding:
    """Other outputs and targets, or none, at places of weight 0: the same value and gradient."""
    if not subject.is_loss:
        return NO_LOSS
    view = subject.view()
    x, targets, weights = subject.draw(0)
    other_x, other_targets, _ = subject.draw(1)
    padded = weights == 0
    if not padded[:, -1].all():
        raise ValueError('a loss is examined with weight 0 at the last step')
    mixed = (
        np.where(padded.reshape(padded.shape + (1,) * (x.ndim - padded.ndim)), other_x, x),
        np.where(padded, other_targets, targets),
        weights,
    )
    expected = subject.once(view, (x, targets, weights))
    found = not_equal(subject.once(view, mixed), expected)
    if found:
        return broken(f'other values where the weight is 0 give {found}')
    gradient = jax.grad(lambda x: subject.once(view, (x, targets, weights)))(x)
    if not (gradient[padded] == 0).all():
        return broken('there is a gradient where the weight is 0')
    shorter = tuple(a[:, :-1] for a in (x, targets, weights))
    found = not_close(subject.once(view, shorter), expected)
    return broken(f'without the last step, of weight 0: {found}') if found else kept('ignored')


def nothing_to_count_is_0(subject: Subject) -> Finding:
    """If all weights are 0, so are the value and its gradient."""
    if not subject.is_loss:
        return NO_LOSS
    view = subject.view()
    x, targets, weights = subject.draw(0)

    def loss(x):
        return view.pure_fn((x, targets, 0 * weights), view.weights, view.new_state(ROWS), KEY)[0]

    value, gradient = jax.value_and_grad(loss)(x)
    if value != 0:
        return broken(f'the value is {value}')
    if (gradient != 0).any():
        return broken('its gradient is not 0')
    return kept('value and gradient are 0')
