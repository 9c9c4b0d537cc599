"""Laws 7 and 8: what outputs must not depend on. The future, if causal; the other rows."""

import jax
import numpy as np

from ...combinators import Layer
from .closeness import not_close
from .declared import judged
from .finding import Finding, Spot, does_not_apply
from .places import first_difference, outputs_of
from .subject import STEPS, VIEWS, Subject


def causal_is_causal_and_the_rest_looks_ahead(subject: Subject) -> Finding:
    """Changes the inputs from each step on, in train and eval, and looks at outputs before it."""
    if not subject.has_steps:
        return subject.without_steps()
    for mode in ('train', 'eval'):
        finding = judged(
            subject.model,
            'look ahead',
            subject.declared.looks_ahead(mode),
            looks_ahead(subject, mode),
            'is_causal',
            lambda mode=mode: _first_that_looks_ahead(subject, mode),
        )
        if finding.verdict != 'kept':
            return finding
    return finding


def looks_ahead(subject: Subject, mode: str) -> str:
    """Says how an output depends on later inputs; '' if none was seen to.

    A model that shifts ignores x at t and later at output t, and at the n - 1 after it.
    """
    view = subject.view(mode)
    y = subject.once(view, subject.draw(0))
    for t in range(1, STEPS):
        end = t + subject.shifted
        before = [
            jax.tree.map(lambda a, e=end: np.asarray(a)[:, :e], out)
            for out in (subject.once(view, later(subject, t)), y)
        ]
        found = not_close(*before)
        if found:
            return f'in {mode}, other inputs from step {t} on give {found}'
    return ''


def later(subject: Subject, t: int):
    """Returns inputs that differ from `draw(0)` from step t on."""
    return subject.at_steps(
        lambda a, b: np.concatenate([a[:, :t], b[:, t:]], 1), subject.draw(0), subject.draw(1)
    )


def _first_that_looks_ahead(subject, mode):
    """Returns the first layer that looks ahead, or that undoes the shift before it."""
    view = subject.view(mode)
    one, _ = outputs_of(view, subject.draw(0))
    others = {t: outputs_of(view, later(subject, t))[0] for t in range(1, STEPS)}
    for shifted in (0, subject.shifted):
        for t, other in others.items():
            spot = first_difference((one, other), lambda a, end=t + shifted: a[:, :end])
            if spot:
                return spot
    return None


def rows_are_independent(subject: Subject) -> Finding:
    """Changes one row in every mode and looks at the others."""
    if not subject.has_rows:
        return does_not_apply('not every output has a row for each row of the inputs')
    x, changed = _another_row(subject)
    findings = []
    for mode, carry in VIEWS:
        view = subject.view(mode, carry)
        others = [
            jax.tree.map(lambda a: np.asarray(a)[1:], subject.once(view, inputs))
            for inputs in (changed, x)
        ]
        found = not_close(*others)
        finding = judged(
            subject.model,
            'couple rows',
            subject.declared.couples_rows(mode),
            found and f'in {mode}, another row 0 gives {found}',
            'couples_rows',
            lambda view=view: first_that_couples_rows(subject, view),
        )
        if finding.verdict != 'kept':
            return finding
        findings.append(finding)
    return findings[0]


def _another_row(subject):
    """Returns inputs, and others that differ in row 0."""
    x = subject.draw(0)
    return x, subject.at_rows(lambda a, b: np.concatenate([b[:1], a[1:]]), x, subject.draw(1))


def first_that_couples_rows(subject: Subject, view: Layer) -> Spot:
    """Returns the first layer whose other rows differ with row 0."""
    runs = (outputs_of(view, inputs)[0] for inputs in _another_row(subject))
    return first_difference(runs, lambda a: a[1:])
