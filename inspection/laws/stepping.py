"""Law 3: steps are the pass. Predict, windows with carry, device loops, and who has memory."""

from typing import Any

import jax
import jax.numpy as jnp

from .closeness import not_close
from .declared import judged
from .dependence import looks_ahead
from .finding import Finding, broken, does_not_apply, kept, place
from .places import first_difference, outputs_by_steps, outputs_of
from .subject import KEY, ROWS, STEPS, Subject

CHUNKS = [[1] * STEPS, [1, STEPS - 2, 1], [STEPS]]


def predict_steps_are_the_eval_pass(subject: Subject) -> Finding:
    """Compares predict over chunks of three kinds with eval over the whole sequence."""
    if subject.model.n_in > 1 and subject.model.start_id is not None:
        return does_not_apply('what a decoder feeds to several inputs with a start id is not known')
    x = subject.draw(0)
    return _chunks_are_the_pass(subject, subject.view('predict'), x, subject.fed(x))


def windows_with_carry_are_one_pass(subject: Subject) -> Finding:
    """Compares eval with carry over windows of three kinds with eval over the whole sequence."""
    x = subject.draw(0)
    return _chunks_are_the_pass(subject, subject.view('eval', carry=True), x, x)


def _chunks_are_the_pass(subject, view, x, fed):
    if not subject.has_steps:
        return subject.without_steps()
    if _looks_ahead(subject):
        return does_not_apply('it looks ahead, so steps cannot give what the pass gives')
    whole = subject.view()
    expected = subject.once(whole, x)
    for sizes in CHUNKS:
        found = not_close(subject.in_chunks(view, fed, sizes)[0], expected)
        if found:
            outputs, _ = outputs_of(whole, x)
            spot = first_difference((outputs, outputs_by_steps(subject, view, fed)))
            return broken(f'chunks of {sizes} give {found}', place(spot))
    return kept(f'chunks of {", ".join(map(str, CHUNKS))} give what the pass gives')


def _looks_ahead(subject):
    claim = subject.declared.looks_ahead('eval')
    return bool(looks_ahead(subject, 'eval')) if claim is None else claim


def predict_runs_in_device_loops(subject: Subject) -> Finding:
    """Compares predict inside `lax.scan` and `lax.while_loop` with steps from Python."""
    if not subject.has_steps:
        return subject.without_steps()
    view, fed = subject.view('predict'), subject.fed(subject.draw(0))
    expected, last = subject.in_chunks(view, fed, [1] * STEPS)
    x = jax.tree.map(jnp.asarray, fed)

    def step(t: Any, state: Any) -> tuple[Any, Any]:
        now = subject.at_steps(lambda a: jax.lax.dynamic_slice_in_dim(a, t, 1, 1), x)
        return view.pure_fn(now, view.weights, state, KEY)

    def body(state: Any, t: Any) -> tuple[Any, Any]:
        y, state = step(t, state)
        return state, y

    _, ys = jax.lax.scan(body, view.new_state(ROWS), jnp.arange(STEPS))
    ys = jax.tree.map(lambda y: jnp.moveaxis(y, 0, 1)[:, :, 0], ys)
    _, state = jax.lax.while_loop(
        lambda loop: loop[0] < STEPS,
        lambda loop: (loop[0] + 1, step(*loop)[1]),
        (0, view.new_state(ROWS)),
    )
    found = not_close(ys, expected) or not_close(state, last)
    return broken(found) if found else kept('lax.scan and lax.while_loop give the same steps')


def memory_is_declared(subject: Subject) -> Finding:
    """With carry, exactly layers that say so continue: a call knows of other inputs before it."""
    view, x = subject.view('eval', carry=True), subject.draw(0)
    start = view.new_state(ROWS)
    _, state = subject.run(view, subject.draw(1), start)
    one, two = (subject.run(view, x, before)[0] for before in (start, state))
    says = subject.declared
    if jax.tree.leaves(start) and not (says.has_memory or says.keeps_statistics):
        return broken('it keeps a state, and says neither has_memory nor keeps_statistics')
    found = not_close(two, one)
    was_seen = found and f'after other inputs, a call gives {found}'
    spot = lambda: first_difference(outputs_of(view, x, s)[0] for s in (start, state))  # noqa: E731
    return judged(subject.model, 'remember', says.has_memory, was_seen, 'has_memory', spot)
