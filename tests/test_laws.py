"""The laws (CONTRIBUTING.md) over every layer, combinator and model.

A property that the layer declares, or its symbolic signature, decides how a law reads for it:
what says that it is causal must be, and what says that it is not must be seen to look ahead.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import registry
from registry import CASES, Case
from tolerances import assert_close, assert_equal, assert_same_kind, differs

from retrax import checkpoints
from retrax import layers as tl

KEY = jax.random.PRNGKey(0)
VIEWS = [('train', False), ('train', True), ('eval', False), ('eval', True), ('predict', False)]


def over(cases: list[Case]) -> Any:
    """Parametrises over cases; those of one layer go to one worker, which compiles them once."""
    return pytest.mark.parametrize(
        'case',
        [pytest.param(c, id=c.name, marks=pytest.mark.xdist_group(c.name)) for c in cases],
    )


def is_loss(case: Case) -> bool:
    return any(isinstance(kind, registry.LossWeights) for kind in jax.tree.leaves(case.inputs))


each_case = over(CASES)
with_rows = over([case for case in CASES if case.has_rows])
with_steps = over([case for case in CASES if case.has_steps])
losses = over([case for case in CASES if is_loss(case)])
each_view = pytest.mark.parametrize(
    ('mode', 'carry'), VIEWS, ids=[f'{mode}{"-carry" * carry}' for mode, carry in VIEWS]
)

Run = Callable[..., tuple[Any, Any]]


def compiled(model: tl.Layer) -> Run:
    """(x, state) -> (y, new state), pure; compiled once for all laws."""
    run = model.program(
        'law', lambda: jax.jit(lambda x, state, key: model.pure_fn(x, model.weights, state, key))
    )
    return lambda x, state, key=KEY: run(x, state, key)


def at_steps(case: Case, x: Any, pick: Callable[[Any], Any]) -> Any:
    """Inputs with `pick` applied to those that have a time axis."""
    return jax.tree.map(lambda kind, a: pick(a) if 't' in kind.shape[1:2] else a, case.inputs, x)


def joined(parts: list[Any]) -> Any:
    return jax.tree.map(lambda *ys: jnp.concatenate(ys, 1), *parts)


def in_chunks(case: Case, model: tl.Layer, x: Any, sizes: list[int]) -> tuple[Any, Any]:
    run, state = compiled(model), model.new_state(3)
    outputs, start = [], 0
    for n in sizes:
        chunk = at_steps(case, x, lambda a, s=start, e=start + n: a[:, s:e])
        y, state = run(chunk, state)
        outputs.append(y)
        start += n
    return joined(outputs), state


def test_every_public_layer_has_a_case() -> None:
    assert registry.public_names() == registry.covered_names()


# 1. Promised shape and dtype = actual.


@each_case
@each_view
def test_law_1_promised_is_actual(case: Case, mode: str, carry: bool) -> None:
    model = case.model(mode, carry)
    sizes = {'b': 3, 't': 6}
    promised = model.output_signature(case.signature(**sizes))
    y, _ = compiled(model)(case.draw(), model.new_state(3))
    assert promised == tl.signature(y)
    symbolic = model.output_signature(case.signature())
    assert jax.tree.map(lambda s: filled(s, sizes), symbolic) == promised


def filled(s: tl.ShapeDtype, sizes: dict[str, int]) -> tl.ShapeDtype:
    """A symbolic signature with numbers for its names; sizes may be sums such as '2*t'."""
    return tl.ShapeDtype([eval(str(d), {}, sizes) for d in s.shape], s.dtype)


@each_case
def test_law_1_symbolic_init_makes_the_same_weights(case: Case) -> None:
    named, numbered = case.make(), case.make()
    named.init(case.signature())
    numbered.init(case.signature(b=3, t=6))
    assert_equal(named.weights, numbered.weights)


# 2. jit = no jit; vmap over batch = batch.


@each_case
@pytest.mark.parametrize('mode', ['train', 'predict'])
def test_law_2_jit_changes_nothing(case: Case, mode: str) -> None:
    model, x = case.model(mode), case.draw()
    state = model.new_state(3)
    plain = model.pure_fn(x, model.weights, state, KEY)
    assert_close(compiled(model)(x, state), plain)


@with_rows
def test_law_2_vmap_over_rows_is_the_batch(case: Case) -> None:
    model, x = case.model(), case.draw()
    state = model.new_state(1)

    def row(x: Any) -> Any:
        one = jax.tree.map(lambda a: a[None], x)
        y, _ = model.pure_fn(one, model.weights, state, KEY)
        return jax.tree.map(lambda a: a[0], y)

    y, _ = compiled(model)(x, model.new_state(3))
    coupled = registry.couples_rows(case.make(), 'eval')
    assert differs(jax.vmap(row)(x), y) == coupled


# 3. predict stepping = eval pass, for any chunking; windows with carry = one long pass.


@with_steps
@pytest.mark.parametrize('sizes', [[1] * 6, [1, 4, 1], [6]], ids=str)
def test_law_3_predict_steps_are_the_eval_pass(case: Case, sizes: list[int]) -> None:
    if not registry.is_causal(case.make(), 'eval'):
        return  # law 7 sees that it looks ahead, so steps cannot give what the pass gives
    x = case.draw()
    expected, _ = compiled(case.model())(x, case.model().new_state(3))
    got, _ = in_chunks(case, case.model('predict'), case.fed(x), sizes)
    assert_close(got, expected)


@with_steps
@pytest.mark.parametrize('sizes', [[1] * 6, [1, 4, 1], [6]], ids=str)
def test_law_3_windows_with_carry_are_one_pass(case: Case, sizes: list[int]) -> None:
    if not registry.is_causal(case.make(), 'eval'):
        return
    x = case.draw()
    expected, _ = compiled(case.model())(x, case.model().new_state(3))
    got, _ = in_chunks(case, case.model('eval', carry=True), x, sizes)
    assert_close(got, expected)


@with_steps
@pytest.mark.parametrize('loop', ['scan', 'while'])
def test_law_3_predict_runs_in_device_loops(case: Case, loop: str) -> None:
    model, x = case.model('predict'), case.fed(case.draw())
    expected, last = in_chunks(case, model, x, [1] * 6)
    first = model.new_state(3)

    def at(t: Any) -> Any:
        return at_steps(case, x, lambda a: jax.lax.dynamic_slice_in_dim(jnp.asarray(a), t, 1, 1))

    def step(t: Any, state: Any) -> tuple[Any, Any]:
        return model.pure_fn(at(t), model.weights, state, KEY)

    if loop == 'scan':

        def body(state: Any, t: Any) -> tuple[Any, Any]:
            y, state = step(t, state)
            return state, y

        state, ys = jax.lax.scan(body, first, jnp.arange(6))
        got = jax.tree.map(lambda y: jnp.moveaxis(y, 0, 1)[:, :, 0], ys)
        assert_close(got, expected)
    else:
        _, state = jax.lax.while_loop(
            lambda carry: carry[0] < 6,
            lambda carry: (carry[0] + 1, step(*carry)[1]),
            (0, first),
        )
    assert_close(state, last)


@each_case
def test_law_3_memory_is_what_is_declared(case: Case) -> None:
    """With carry, exactly layers that say so continue: a second call knows of the first."""
    model, declared = case.model('eval', carry=True), registry.has_memory(case.make())
    start = model.new_state(3)
    assert bool(jax.tree.leaves(start)) == (declared or registry.keeps_statistics(case.make()))
    x = case.draw()
    alone, _ = compiled(model)(x, start)
    _, state = compiled(model)(case.draw(seed=1), start)
    after_another, _ = compiled(model)(x, state)
    assert differs(alone, after_another) == declared


# 4. State structure, shapes, dtypes unchanged by a step.


@each_case
@each_view
def test_law_4_a_step_keeps_the_kind_of_state(case: Case, mode: str, carry: bool) -> None:
    model = case.model(mode, carry)
    start = model.new_state(3)
    state = start
    for seed in range(2):
        _, state = compiled(model)(case.draw(seed=seed), state)
        assert_same_kind(state, start)
    made = model.init(case.signature(b=3, t=2))[1]
    assert_same_kind(jax.tree.leaves(made), jax.tree.leaves(start))


# 5. Gradients finite, and = numerical ones.


@each_case
def test_law_5_gradients_are_the_numerical_ones(case: Case) -> None:
    """Along a random direction, in float64, where differences of close numbers have digits.

    What declares that it stops gradients must be seen to have others.
    """
    model, x = case.model('train'), case.draw()
    state = model.new_state(3)
    x_leaves, structure = jax.tree.flatten(x)
    floats = {i: a for i, a in enumerate(x_leaves) if a.dtype == np.float32}
    with jax.enable_x64(True):
        point = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), (model.weights, floats))

        @jax.jit
        @jax.value_and_grad
        def total(point: Any) -> Any:
            weights, floats = point
            x = jax.tree.unflatten(structure, [floats.get(i, a) for i, a in enumerate(x_leaves)])
            y, _ = model.pure_fn(x, weights, state, KEY)
            parts = [a for a in jax.tree.leaves(y) if jnp.issubdtype(a.dtype, jnp.floating)]
            return sum(
                (jnp.sum(a * jnp.cos(jnp.arange(a.size)).reshape(a.shape)) for a in parts), 0.0
            )

        random = np.random.default_rng(0)
        direction = jax.tree.map(lambda a: random.normal(size=a.shape), point)
        above, below = (
            total(jax.tree.map(lambda p, d, e=e: p + e * d, point, direction))[0]
            for e in (1e-6, -1e-6)
        )
        gradient = total(point)[1]
        products = jax.tree.map(lambda g, d: jnp.sum(g * d), gradient, direction)
        along, numerical = sum(jax.tree.leaves(products)), (above - below) / 2e-6
        if registry.stops_gradient(case.make()):
            assert abs(along - numerical) > 1e-3
        else:
            np.testing.assert_allclose(along, numerical, rtol=1e-6, atol=1e-7)


# 6. Padding changes nothing: a loss weight of 0 leaves a position out.


@losses
def test_law_6_positions_of_weight_0_do_not_count(case: Case) -> None:
    model = case.model()
    run, state = compiled(model), model.new_state(3)
    x, targets, weights = case.draw()
    expected, _ = run((x, targets, weights), state)
    other_x, other_targets, _ = case.draw(seed=1)
    padded = weights == 0
    assert padded.any()
    mixed = (
        np.where(np.reshape(padded, padded.shape + (1,) * (x.ndim - padded.ndim)), other_x, x),
        np.where(padded, other_targets, targets),
        weights,
    )
    assert_equal(run(mixed, state)[0], expected)
    gradient = jax.grad(lambda x: run((x, targets, weights), state)[0])(x)
    assert (gradient[padded] == 0).all()
    shorter = tuple(a[:, :-1] for a in (x, targets, weights))
    assert_close(run(shorter, state)[0], expected)


@losses
def test_law_6_nothing_to_count_is_0(case: Case) -> None:
    model = case.model()
    x, targets, weights = case.draw()

    def loss(x: Any) -> Any:
        return model.pure_fn((x, targets, 0 * weights), model.weights, model.state, KEY)[0]

    value, gradient = jax.value_and_grad(loss)(x)
    assert value == 0
    assert (gradient == 0).all()


# 7. Causal models do not look ahead.


@with_steps
@pytest.mark.parametrize('mode', ['train', 'eval'])
def test_law_7_causal_is_causal_and_the_rest_looks_ahead(case: Case, mode: str) -> None:
    model = case.model(mode)
    run, state = compiled(model), model.new_state(3)
    x, other = case.draw(), case.draw(seed=1)
    y, _ = run(x, state)
    looked_ahead = False
    for t in range(1, 6):
        later = jax.tree.map(
            lambda kind, a, b, t=t: (
                np.concatenate([a[:, :t], b[:, t:]], 1) if 't' in kind.shape[1:2] else a
            ),
            case.inputs,
            x,
            other,
        )
        changed, _ = run(later, state)
        # A layer that shifts ignores x at t and later at output t, and at the n - 1 after it.
        last = t + case.shifted
        before = [jax.tree.map(lambda a, e=last: a[:, :e], out) for out in (y, changed)]
        looked_ahead |= differs(*before)
    assert looked_ahead == (not registry.is_causal(case.make(), mode))


# 8. Batch rows do not influence each other.


@with_rows
@each_view
def test_law_8_rows_are_independent(case: Case, mode: str, carry: bool) -> None:
    model = case.model(mode, carry)
    run, state = compiled(model), model.new_state(3)
    x, other = case.draw(), case.draw(seed=1)
    changed = jax.tree.map(lambda a, b: np.concatenate([b[:1], a[1:]]), x, other)
    rest = [jax.tree.map(lambda a: a[1:], run(x_, state)[0]) for x_ in (x, changed)]
    assert differs(*rest) == registry.couples_rows(case.make(), mode)


# 9. Save then load = same outputs, bit for bit.


@each_case
def test_law_9_saved_and_restored(case: Case, tmp_path: Path) -> None:
    model, x = case.model('predict'), case.draw()
    expected, state = compiled(model)(x, model.new_state(3))
    saved = {'weights': model.named_weights(), 'state': state}
    checkpoints.save(tmp_path / 'model', saved, {})

    other = case.make()
    other.init(case.signature(b=3, t=6), rng=99)
    view = other.as_mode('predict')
    like = {'weights': other.named_weights(), 'state': view.new_state(3)}
    restored, _ = checkpoints.restore(tmp_path / 'model', like)
    other.set_named_weights(restored['weights'])
    view.keep_statistics(restored['state'])
    assert_equal(view.weights, model.weights)
    assert_equal(compiled(view)(x, view.new_state(3)), (expected, state))
    assert_equal(compiled(view)(x, restored['state']), compiled(model)(x, state))


# 10. Same seed = same weights, outputs, dropout.


@each_case
def test_law_10_the_same_seed_gives_the_same(case: Case) -> None:
    one, two, other = case.make(), case.make(), case.make()
    signature = case.signature(b=3, t=6)
    for model, seed in ((one, 5), (two, 5), (other, 6)):
        model.init(signature, rng=seed)
    assert_equal(one.weights, two.weights)
    for a, b in zip(jax.tree.leaves(one.weights), jax.tree.leaves(other.weights), strict=True):
        # A weight that starts as one number everywhere, such as a scale, is not drawn.
        assert np.ptp(a) == 0 or not np.array_equal(a, b)

    view, x = case.model('train'), case.draw()
    view.rng = 5
    first = [view(x), view(x)]
    view.rng = 5
    assert_equal([view(x), view(x)], first)


@each_case
@pytest.mark.parametrize('mode', ['train', 'eval', 'predict'])
def test_law_10_what_draws_is_declared(case: Case, mode: str) -> None:
    model, x = case.model(mode), case.draw()
    run, state = compiled(model), model.new_state(3)
    one, again = (run(x, state, jax.random.PRNGKey(1))[0] for _ in range(2))
    assert_equal(one, again)
    two, _ = run(x, state, jax.random.PRNGKey(2))
    assert differs(one, two) == registry.draws(case.make(), mode)


# 11. as_mode there and back = the same model.


@each_case
@pytest.mark.parametrize('there', ['train', 'eval', 'predict'])
def test_law_11_there_and_back(case: Case, there: str) -> None:
    model, x = case.model('train'), case.draw()
    expected = model(x, rng=KEY)
    away = model.as_mode(there)
    away.init(case.signature(b=3, t=1))
    away(x)
    back = away.as_mode('train')
    assert (back.mode, repr(back)) == ('train', repr(model))
    leaves = zip(jax.tree.leaves(back.weights), jax.tree.leaves(model.weights), strict=True)
    assert all(a is b for a, b in leaves)
    assert_equal(back(x, rng=KEY), expected)
    assert_equal(model(x, rng=KEY), expected)


# 12. Documented formulas have NumPy tests beside them: test_formulas.py.
